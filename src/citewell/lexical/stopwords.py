"""The commonest words of each language: not searched for, and a mark of the language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["STOP_WORDS"]

_LISTS: Final = {
    "en": """
        a about after again all also am an and any are as at be because been before being between both but by
        can could d did do does doing down during each few for from further had has have having he her here
        hers him his how i if in into is it its just ll m me more most my no nor not now of off on once only
        or other our out over own re s same she should so some such t than that the their them then there
        these they this those through to too under until up us ve very was we were what when where which
        while who whom whose why will with within without would you your
    """,
    "de": """
        aber alle allem allen aller alles als also am an auch auf aus bei bin bis da damit dann das dass dein
        dem den denn der des dessen die dies diese diesem diesen dieser dieses doch du durch ein eine einem
        einen einer eines er es euch für gegen hat hatte hatten habe haben hier hin ich ihm ihn ihnen ihr
        ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes kann kein keine keinem keinen
        können man mein mit muss nach nicht noch nun nur ob oder ohne sein seine seinem seinen seiner seit
        sich sie sind so sondern soll über um und uns unser unter viel vom von vor war waren warum was wegen
        weil welche welchem welchen welcher welches wenn wer werden wie wieder wir wird wo wurde wurden zu
        zum zur zwischen
    """,
    "fr": """
        à afin ai ainsi alors après au aucun aussi autre aux avait avant avec avoir c car ce ceci cela celle
        celui ces cet cette ceux chaque chez comme comment d dans de depuis des dont du elle elles en encore
        entre est et étaient était été être eux fait fut il ils j je l la le les leur leurs lors lui m mais
        même mes moi mon n ne ni nos notre nous on ont ou où par pas pendant peu peut plus pour pourquoi
        qu quand que quel quelle quelles quels qui s sa sans se ses si soit son sont sous sur t ta te tes
        toi ton tous tout toute toutes très tu un une vers vos votre vous y
    """,
    "es": """
        a al algo ante antes aquel aquella así aunque cada como cómo con contra cual cuál cuáles cuando
        cuándo cuánto cuántos de del desde donde dónde durante e el él ella ellas ellos en entre era eran es
        esa ese eso esta está están este esto estos fue fueron ha había han hasta hay la las le les lo los
        más me mi muy no nos nosotros o otra otro otros para pero poco por porque qué que quien quién
        quiénes se sea según ser si sí sido sin sobre son su sus también tanto te tiene tienen todo todos tu
        un una uno unos y ya yo
    """,
    "it": """
        a ad agli ai al alla alle allo anche c che chi ci cioè col come con contro cui d da dagli dai dal
        dalla dalle dallo degli dei del dell della delle dello di dopo dove e è ed era erano essere fra fu
        furono gli ha hanno i il in io l la le lei li lo loro lui ma mentre mi mio nei nel nell nella nelle
        nello noi non nostro o ogni per perché più poi prima quale quali quando quanto quella quelle quello
        questa queste questi questo qui se senza si sia sono sopra sotto stata stati stato su sua sue sugli
        sui sul sulla sulle suo suoi tra tutti tutto un una uno vi voi
    """,
    "pt": """
        à ao aos aquela aquele as às até cada com como contra da das de dela dele deles depois do dos durante
        e é ela elas ele eles em entre era eram essa esse esta está estão este eu foi foram há isso isto já
        lhe mais mas me mesmo meu minha muito na não nas nem no nos nós nossa nosso num numa o onde os ou
        para pela pelas pelo pelos por porque qual quais quando quanto que quem são se seja sem ser seu seus
        só sobre sua suas também te tem têm ter teve tudo um uma umas uns você
    """,
    "nl": """
        aan al alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een en er
        ge geen haar had heb hebben heeft hem het hier hij hoe hun ik in is ja je kan kon maar me meer men
        met mij mijn moet na naar niet niets nog nu of om omdat onder ons ook op over reeds te tegen toch
        toen tot u uit uw van veel voor waar waarom want waren was wat welke werd werden wie wij wil worden
        wordt ze zelf zich zij zijn zo zonder zou
    """,
    "sv": """
        alla alltså än är att av blev bli blir då de dem den denna deras dess dessa det detta dig din du där
        efter ej eller en ett från för ha hade han hans har hon här hur i icke inte in inom jag kan kunde
        man med mellan men mig min mot mycket ni nu när någon något några och om oss på samma sedan sig sin
        sina ska skulle som så till under upp ut utan vad var vara vart varför vem vi vid vilka vilken
        vilket över
    """,
    "da": """
        af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din disse dog du
        efter eller en end er et for fra få ham han hans har havde have hende her hos hun hvad hvem hvilke
        hvilken hvis hvor hvordan hvorfor hvornår i ikke ind jeg jer kan kunne man mange med meget men mig
        min mod mellem nogen noget nogle nu når og også om op os over på samt sig sin skal skulle som sådan
        til ud under uden var ved vi vil være været
    """,
    "no": """
        alle at av ble bli blir da de deg dem den denne der dere deres det dette din disse du eller en enn er
        et etter for fordi fra før ha hadde han hans har henne her hun hva hvem hver hvilke hvilken hvis hvor
        hvordan hvorfor i ikke inn ja jeg kan kom kunne man mange med meg mellom men mer mot må noe noen nå
        når og også om opp oss over på samme seg selv sin ska skal skulle slik som så til under ut uten var
        ved vi vil være vært
    """,
    "fi": """
        ei eikä eivät eli emme en ennen että he heidän hän hänen häntä ja johon joiden joihin joita joka
        jolla jolle jonka jos jossa josta jota jotka kanssa keitä kenen ketkä koska kuin kuinka kuka kun
        kuten me mikä miksi milloin millä minkä minä missä mistä mitkä mitä mukaan mutta myös ne niiden niin
        niitä noin nyt ole olen oli olivat olla on ovat sekä sen se siellä siinä sitten sitä tai te tämä
        tämän tässä vai vaan vain vielä yli
    """,
    "hu": """
        a abban ahol aki akik ami amely amelyek azok az azt csak de e egy egyes el ez ezek ezt fel hogy
        hogyan hol ha hanem igen illetve is itt kell ki kik között le lehet lesz mely melyek mert meg melyik
        mi miért mikor milyen mind mint minden mit nagyon ne nem nincs ők olyan ott össze pedig saját sem
        szerint számára tehát után vagy van vannak volt voltak által át és én ő
    """,
    "ro": """
        a acea aceasta această aceste acest acestea acesta acestui ai al ale am ar are asupra au avea ca care
        cât când câte câți ce cel cele cei cine cu cum că d dar de decât deci despre din dintre după ea ei
        el ele era erau este eu fi fie fost iar în îi îl într între își la le li lor lui mai mult ne nici nu
        o or pe pentru poate prin sa sau să se și sub sunt sunt te toate toți tot un una unde unei unor unui
        va vor
    """,
    "tr": """
        acaba ama ancak aynı az bana bazı ben benim bir biri birçok biz bu bunu bunun çok çünkü da daha de
        değil diye en fakat gibi göre hangi hem her hiç için ile ise kadar ki kim kimin mi mı mu mü nasıl
        ne neden nedir nerede niye o olan olarak olduğu oldu olur on ona onlar onun sen siz sonra şey şu
        tüm üzere üzerinde var ve veya ya yani yok
    """,
    "ru": """
        а без бы был была были было быть в вам вас весь во вот все всех всего вы где да для до его ее её если
        есть еще ещё же за и из или им их к как какая какие какой когда кого ко кто ли между меня мне может
        мы на над нас не него нее нет ни них но о об однако он она они оно от по под после потому почему при
        про с сам свои себя сколько со так также такой там то того тоже той только том ты у уже чего чей чем
        что чтобы эта эти это этого этой этом этот я
    """,
    "el": """
        αλλά αν από αυτά αυτή αυτό αυτοί αυτός για γιατί δε δεν εάν είναι εκ ένα ένας εμείς εν ενώ επί η ή
        ήταν θα και κατά κι με μετά μη μην μια μία να ο οι όπως όταν ότι ποια ποιο ποιος που πού προς πως
        πώς σε στα στη στην στις στο στον στους τα τη την της τι τις το τον του τους των ως
    """,
    "ar": """
        إلا التي الذي الذين إلى أن إن أو أي أين بعد بعض بما بين بها به تلك ثم حتى حول حيث خلال ذلك ضد على عن
        عند عندما غير فقط في فيه فيها قبل قد كان كانت كل كم كما كيف لا لدى لقد لكن لم لماذا لن له لها ليس ما
        ماذا متى مثل مع من منذ منها منه نحو هذا هذه هل هم هو هي هناك و وقد وكان وهو وهي يكون
    """,
    "hi": """
        अन्य अपना अपनी अपने आदि आप इन इस इसका इसकी इसके इसमें इसे उन उनका उनकी उनके उस उसका उसकी उसके उसे एक
        एवं ऐसे और कई कब कर करता करते करना करने कहा कहाँ का कारण कि किन किया किस किसी किसने किसे की कुछ के को
        कोई कौन कौनसा क्या क्यों कितना कितने कितनी गई गए गया जब जहाँ जा जाता जाती जाते जिस जिसका जिसे जैसे जो
        तक तथा तब तो था थी थे दिया द्वारा न नहीं ने पर बाद भी मे में यदि यह यहाँ या ये रहा रहे लिए लेकिन व
        वह वहाँ वाले वाली वाला वे सकता सकते सभी साथ से हम ही हुआ हुई हुए है हैं हो होता होती होते होना होने
    """,
}

#: By ISO 639-1 code; without case.
STOP_WORDS: Final[Mapping[str, frozenset[str]]] = {
    language: frozenset(text.casefold().split()) for language, text in _LISTS.items()
}
