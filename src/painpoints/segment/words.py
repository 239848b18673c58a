"""Words that tell where a clause begins: closed classes in full, open ones as far as they pay.

Every word has one letter as its class, so that a sentence becomes a short string on which the
rules of `clauses` are plain regular expressions. What the lists do not know is told by its
ending (`-ly`, `-ed`, `-ing`), and else taken for a noun. Written by hand for this project.

    S subject pronoun     U everyone, there            O so
    Z pronoun with its verb (it's)   D determiner, possessive
    F auxiliary, be, have V finite lexical verb            M verb of saying or thinking
    I base verb, often an order or a wish                  G -ing form
    J describing word     R adverb, negation               N noun and all else
    P preposition         W it, they: takes up what stands before   w when, if, because
    B that, which, who               C and, or
    X contrast word       Q please                         T greeting, thanks
    A aside (also, plus)  Y complaint (only complaint is ...)    K no         H hello
    j best, only, first   d any, all
"""

SUBJECTS = """
i we they he she it you this these those u
"""

INDEFINITE = """
there theres there's there're there'd there'll everyone everybody everything nobody nothing none
someone something anyone somebody ppl people most everyting no-one noone nobody's everyone's
everything's nothing's
"""

PRONOUN_VERBS = """
i'm im i've ive i'd i'll we're we've weve we'd we'll they're theyre they've theyve they'd they'll
theyll he's hes he'd he'll she's shes she'd she'll it's it'd it'll itll you're youre you've youve
you'd you'll youll that's thats that'd that'll this'll
here's heres y'all
"""

DETERMINERS = """
the a an my our your their his her its another each every some any no both all half such ur
several many few one two three four five six seven eight nine ten other same own
"""

AUXILIARIES = """
is are was were be been am isn't aren't wasn't weren't isnt arent wasnt werent ain't aint
has have had hasn't haven't hadn't hasnt havent hadnt do does did don't doesn't didn't doesnt
can could will would dont didnt wont cant shall should must may might can't cannot cant couldn't couldnt won't wont
wouldn't wouldnt shouldn't shouldnt mustn't needn't mightn't gonna gotta wasn't
"""

SAYING = """
think thought thinks know knew knows say said says tell told tells hope hoped hoping wish wished
feel felt feels believe believed guess guessed suppose supposed imagine mean means meant assume
assumed realise realised realize realized find found finds notice noticed understand understood
ensure make makes made let lets see saw sees hear heard claim claims claimed promise promised
promises insist insisted explain explained suggest suggested suggests recommend
recommended reckon sure glad happy afraid worried sorry aware confirm confirmed appreciate wonder
wondering thinking saying telling swear swore bet doubt expect expected decide decided
forgot forget remember show shows showed shown
"""

VERBS = """
works work worked came come comes went go goes got get gets took take takes gave give gives kept
keep keeps left leave leaves lost lose loses paid pay pays bought buy buys sent send sends sold
broke break breaks froze freezes freeze ran run runs rang ring rings called call calls waited wait
waits arrived arrives arrive ordered orders order stopped stops stop started starts start crashes
crash crashed fails fail failed turned turns turn seems seem seemed looks look looked sounds smells
smell smelled smelt tastes taste tasted fits fit costs cost needs used uses helps help helped treated
treat tried tries try put puts set sets hung hangs drops drop dropped cut cuts charges charge charged
refuses refused refuse ignores ignored lets became become becomes began begin begins brought bring
brings built chose choose did done drove drive drives ate eat eats fell fall falls flew fly grew
held hold holds hurt keeps laid led lie lies met meet pass passed quit read reads rose sat sit sits
shut sits slept sleep slept speak spoke speaks spent spend stands stood stuck stole sync syncs
threw throw wore wear wears woke won write wrote writes answers answered answer picks picked pick
cancelled canceled cancels cancel deleted uninstalled switched moved booked joined returned returns
opened opens open closes closed loads load loaded logs logged signs signed lasts lasted happens
happened happen changed changes change hate hated hates loved loves liked likes enjoyed enjoy lacks
lack lacked deserves deserve offers offered offer provides provided provide includes included shows
allows allowed allow requires required makes takes disappeared disappears disappear knows understands
listened listens listen explains answers replied replies reply responds responded respond updates
updated update expired expires arrives vanished rocks sucks sux stinks rules beats beat stays stayed
stay lives live lived plays play played hits hit spoils spoiled ruined ruins showed wants continues
continued appears appeared remains remained improved improves improve increased increases decreased
dropped doubled jumped gone seen taken given been wasted saved saves save owes owe blocked declined
rejected accepted advertised listed claims matches matched shipped ships ship packed landed fixed
fixes sorted solved resolved transferred transfers passes told asks prices smells leaks leaked leak
rattles squeaks overheats flickers buffers lags lag drains drained goes dies died scares blew blows
burns burnt bends bent rips ripped tears tore shrank shrunk faded fades peels peeled itches chafes
"""

ORDERS = """
add allow bring fix give let make improve stop remove reduce increase lower raise offer provide
consider avoid contact keep put get send tell train hire open extend change update check clean
listen sort lose ditch drop introduce include restore return bring-back answer communicate refund
cancel delete help explain enable show be do don't dont have try use stay steer beware save
"""

DESCRIBING = """
good great excellent amazing awesome fantastic brilliant superb lovely nice perfect wonderful
outstanding fabulous terrific decent fine ok okay alright bad poor terrible awful horrible dreadful
appalling shocking disgusting abysmal rubbish crap useless pathetic worst best better worse worst
nicer friendly unfriendly helpful unhelpful polite rude kind caring professional unprofessional
courteous attentive pleasant unpleasant welcoming knowledgeable competent incompetent efficient
inefficient quick fast slow prompt late early punctual long short quicker faster slower longer
shorter clean dirty filthy tidy spotless messy cheap expensive pricey overpriced affordable
reasonable fair unfair cheaper dearer pricier high low higher lower free big small large tiny huge
bigger smaller larger hot cold warm cool freezing lukewarm warmer colder fresh stale tasty delicious
bland soggy raw dry greasy comfortable uncomfortable comfy cosy cozy cramped spacious roomy tight
loose soft hard easy hard difficult simple simpler easier harder confusing clear unclear clunky
buggy glitchy laggy smooth slick sleek reliable unreliable stable unstable solid flimsy sturdy durable
broken faulty damaged defective missing wrong incorrect correct accurate inaccurate right busy quiet
noisy loud crowded packed empty full safe unsafe dangerous convenient inconvenient handy modern old
dated outdated new newer beautiful gorgeous stunning pretty ugly stylish elegant cute plain boring dull
interesting fun happy unhappy satisfied dissatisfied disappointed disappointing annoying frustrating
annoyed frustrated impressed impressive unacceptable acceptable average mediocre standard basic weak
strong thin thick heavy light bright dark available unavailable responsive unresponsive patient
understanding supportive informative honest dishonest transparent misleading hidden dismissive
abrupt arrogant lazy careless thorough gentle rough calm relaxed relaxing stressful painful painless
seamless effortless hassle-free hopeless ridiculous outrageous absurd ludicrous extortionate steep
super top first-class second-to-none spot-on class unreal mint mid meh sublime quick- same-day
delayed cancelled overcooked undercooked inedible lukewarm limited plentiful generous stingy mean
more less fewer extra additional proper consistent inconsistent intuitive fiddly complicated
complex sharp blurry crisp vibrant flattering unflattering true see-through itchy scratchy silky
quality excellent unbeatable unbelievable incredible exceptional phenomenal
magnificent marvellous marvelous first-rate top-notch state-of-the-art sound sorted bulky lightweight
handmade creamy crunchy juicy tender chewy burnt salty sweet sour bitter spicy mixed
"""

ADVERBS = """
not never always very really so too quite extremely absolutely totally completely incredibly
super pretty rather fairly just even still already again now then here often sometimes usually
twice once ever almost nearly soon maybe perhaps also only definitely certainly simply basically
actually honestly literally constantly continually frequently rarely hardly barely especially
particularly overall otherwise sadly unfortunately luckily thankfully hopefully finally eventually
instead anyway well far way much little bit abit bits lot alot yet
"""

PREPOSITIONS = """
in on at of for with from to by about into onto over under through between among without within
against during across behind beyond near per via off out up down around along upon towards toward
despite like unlike plus-or-minus inside outside beside besides concerning regarding throughout
following past due
"""

SUBORDINATORS = """
when whenever if because cause cos coz bcoz bc as while whilst that which who whom whose where
wherever since unless until till before after whether how what why than once so-that whatever
whichever whoever lest provided providing
"""

CONJUNCTIONS = "and & + or nor n an'"

ASIDES = "also plus otherwise now nowadays meanwhile maybe shame pity"

TAKEN_UP = """
it they he she this these those it's it'd it'll itll they're theyre they've theyve they'd they'll
theyll he's hes he'd he'll she's shes she'd she'll that's thats that'd that'll this'll its-me
"""

SITUATIONS = """
when whenever if because cause cos coz bcoz bc as while whilst since unless until till before after
once every-time wherever lest provided providing
"""

COMPLAINTS = (
    "gripe downside drawback negative complaint niggle grumble criticism issue problem thing"
)

SUPERLATIVES = "best worst only first last nicest easiest fastest cheapest latest biggest"

CONTRASTS = "but however although though tho yet whereas except excepting altho albeit"

PLEASE = "please pls plz plse kindly"

GREETINGS = """
hi hello hey hiya morning evening afternoon dear cheers thanks thank thankyou thx ta regards bye
goodbye sincerely yours yes yeah yep nope lol omg wow
"""

CLASSES: dict[str, str] = {}
for _letter, _words in (
    ("I", ORDERS),
    ("V", VERBS),
    ("M", SAYING),
    ("T", GREETINGS),
    ("J", DESCRIBING),
    ("R", ADVERBS),
    ("P", PREPOSITIONS),
    ("B", SUBORDINATORS),
    ("D", DETERMINERS),
    ("S", SUBJECTS),
    ("U", INDEFINITE),
    ("F", AUXILIARIES),
    ("Z", PRONOUN_VERBS),
    ("C", CONJUNCTIONS),
    ("X", CONTRASTS),
    ("Q", PLEASE),
    ("A", ASIDES),
    ("Y", COMPLAINTS),
    ("K", "no zero"),
    ("H", "hi hello hey hiya dear"),
    ("O", "so"),
    ("I", "make let lets"),
    ("R", "then"),
    ("W", TAKEN_UP),
    ("w", SITUATIONS),
    ("j", SUPERLATIVES),
    ("d", "any all every each whole"),
):
    CLASSES |= dict.fromkeys(_words.split(), _letter)

CLASSES |= dict.fromkeys(("even though", "even if", "even when", "as if", "so that"), "w")

_SHORTENED = """
mr mrs ms dr prof st rev hon sr jr vs e.g eg i.e ie etc approx appt dept est inc ltd co corp no nos
tel ext fig vol pp p.s ps a.m p.m am pm u.s u.k min mins hr hrs sec wk wks yr yrs ft lb lbs oz kg
jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat ave blvd rd
misc max cf al viz n.b nb w.r.t btw incl excl temp avg
"""
ABBREVIATIONS = frozenset(_SHORTENED.split())
"""Words whose full stop does not end a sentence when a small letter follows, or mostly at all."""

_BEFORE_NAMES = "mr mrs ms miss dr prof sir madam mx rev nurse sister doctor professor st"
TITLES = frozenset(_BEFORE_NAMES.split())
"""Abbreviations that a name follows, so that no capital letter ends the sentence."""
