// Unpacks the embedded columns. Everything later reads mentions by number through these.

const LAYOUT = 1;

function unpack(text) {
  const data = JSON.parse(text);
  if (data.version !== LAYOUT) throw new Error(`data of layout ${data.version}, page of ${LAYOUT}`);
  const { feedback, mentions } = data.evidence;
  return {
    map: data.map,
    top: data.top,
    minPeople: data.map.min_people,
    measures: data.measures,
    nEvidence: data.n_evidence,
    members: new Map(Object.entries(data.members)),
    sections: data.sections,
    sets: new Map(Object.entries(data.sets)),
    F: { n: feedback.id.length, ...feedback },
    M: { n: mentions.id.length, ...mentions },
  };
}

function coded(column, i) {
  return column.names[column.codes[i]];
}

function mentionId(store, i) {
  const id = store.M.id[i];
  return id.startsWith("~") ? store.F.id[store.M.feedback[i]] + id.slice(1) : id;
}

function allFindings(map) {
  return map.stages.flatMap((v) => [...v.pain_points, ...v.opportunities, ...v.listed_apart]);
}
