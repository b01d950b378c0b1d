"""What machines say, and people who pick up, by language: looked for in a transcript.

A recogniser hears a telephone badly, so the phrases are short stems; one is enough.
"""

# ruff: noqa: RUF001  # some are in Russian, some in Turkish

import re
from typing import Literal

from gateway.agent.words import plain_words

Wording = Literal["mailbox", "away", "menu", "person"]

# Said by nobody who is there.
_MAILBOX = (
    # English
    r"leave (me |us )?(a|your|the) (\w+ ){0,2}(message|name)|voice ?mail|mailbox|answerphone"
    r"|(after|at|hear|for) the (beep|tone|signal)|youve (reached|got) (\w+s (phone|cell)|the)"
    r"|youve reached \w+( \w+)? (at|with|of)\b|record (your|a) message|answering machine"
    r"|automated|(been|being) forwarded to|start speaking|i missed your call"
    # A network, of a number
    r"|(person|party|customer|subscriber|number|user) (that )?you (\w+ ){0,4}(call|dial|reach)"
    r"|not in service|(been|is) disconnected|not been recogni[sz]ed|(can ?not|cant) be completed"
    r"|try (again|your call) (again )?later"
    # German
    r"|nach dem (signal|piep|ton)|nachricht (nach|hinter)|hinterlass|mailbox|mobilbox"
    r"|anrufbeantworter|sprachbox|kein anschluss|vorübergehend nicht"
    # French
    r"|laissez|laisser (un|votre) message|après le (bip|signal)|messagerie|répondeur"
    r"|vous avez composé|pas attribué"
    # Spanish, Portuguese
    r"|(deje?|deja|grabe|graba) (su|un|tu) (mensaje|recado)|(después de|tras) (la|el|oír)"
    r"|después del (señal|tono)|buzón|contestador|apagado o fuera"
    r"|deixe (a )?(sua|seu|uma|a) (mensagem|recado)|(após|depois d)o? ?o? (sinal|bip|tom)"
    r"|caixa (postal|de mensagens)|correio de voz|grave (sua|seu)"
    # Italian
    r"|lasci(a|ate|are)? (pure )?(un|il) messaggio|dopo il (segnale|bip)|segreteria"
    # Dutch
    r"|na de (piep|toon)|spreek (\w+ ){0,3}in\b|bericht (\w+ ){0,2}(in|achter)\b"
    # Polish, Czech
    r"|(zostaw|nagraj)\w* (\w+ )?wiadomoś|po (\w+ )?sygna|poczt\w+ głosow|zanech\w+ vzkaz"
    r"|hlasov\w+ schrán"
    # Swedish, Danish, Norwegian
    r"|efter (tonen|pipet|signalen|bippet|klartonen)|etter (tonen|pipetonen|signalet)"
    r"|(lämna|läg|legg igjen) (ett|en) (meddelande|besked|beskjed)|telefonsvar|mobilsvar"
    # Finnish, Turkish, Russian, Ukrainian
    r"|jätä viesti|äänimerkin|vastaaja|mesaj\w* bırak|sinyal ses|ulaşılamıyor|sesli mesaj"
    r"|(оставьте|залиште) \w*\s?(сообщение|повідомлення)|после (звукового )?(сигнала|гудка)"
    r"|після (звукового )?сигналу|автоответчик|абонент"
)
# Said also by somebody who is there, of somebody who is not.
_AWAY = (
    r"(not|cant|cannot|unable to) (\w+ ){0,3}(answer|take|come to|get to) (\w+ ){0,2}(call|phone)"
    r"|not available (right now|at the moment|to take)|is (not|un) ?available|get back to you"
    r"|return your call|ill call you back|(currently|now|are) closed|(office|business) hours"
    r"|cannot be reached|open again|visit (us|our)|away from my desk|on (the )?(an)?other line"
    r"|nicht (erreichbar|zu erreichen|ans telefon|besetzt)|rufe? (\w+ ){0,3}zurück"
    r"|(geschäfts|sprech|öffnungs)zeiten"
    r"|pas (disponible|joignable)|je vous rappel|absent|bureaux sont fermés"
    r"|no (puedo|podemos) (atender|contestar)|no est(á|oy) disponible|estamos cerrados"
    r"|não (posso|podemos) atender"
    r"|non (sono|siamo|è) (\w+ ){0,3}(disponibil|raggiungibil)"
    r"|niet (bereikbaar|opnemen|aannemen)|bel (\w+ ){0,2}terug"
    r"|niedostępn|nedostupn|kan (inte|ikke) (\w+ )?(svara|svare|tage telefon)"
)
_MENU = (
    r"press (zero|one|two|three|four|five|six|seven|eight|nine|star|pound|hash|\d)"
    r"|(for|to) [\w ]{2,40} (press|say|dial)\b|main menu|following options|dial (the|your) "
    r"(party|extension)|para español|drücken sie|(wählen|tippen) sie "
    r"|(tapez|appuyez sur|faites le) "
    r"|(pulse|marque|oprima|digite|aperte|prem[ia]|digitare|druk|toets) (el |la |o |il |een |op )?"
    r"(uno|dos|um|dois|due|un|twee|\d)"
    r"|calls? (may be|is being|are) (recorded|monitored)|your call is important"
    r"|next available (agent|representative)|please hold|(stay|remain) on the line"
    r"|all (of )?(our )?(agents|representatives|operators)|(helping|assisting) other customers"
    r"|wait time|followed by the (pound|hash)|(say|state|record) your name|screening"
)
_PERSON = (
    r"^(hello|hi|hey|yes|yeah|yep|hallo|allô|allo|oui|ja|sí|si|diga|dígame|bueno|pronto|sim|alô|"
    r"met|speaking|moin|servus|grüß|mhm|who|whos|aló|halo|halló|hej|алло)( \w+){0,3}$"
    r"|speaking\b|how (can|may) i help|am i speaking"
    r"|how (can|may) i direct|what can i (do|help)|whos (this|calling)|who is (this|calling)"
    r"|(can|may|could) i (have|take|get) your|are you calling (for|about)"
    r"|am apparat|was kann ich für sie|wie kann ich (ihnen |dir )?(weiter)?helfen|mein name ist"
    r"|à l appareil|que puis je|je vous écoute|en qué (puedo|le puedo)|le atiende|con quién"
    r"|em que posso|come posso|chi parla|mi dica|waarmee kan|spreekt u mee|w czym mogę"
)

_ALL: tuple[tuple[Wording, re.Pattern[str]], ...] = (
    ("mailbox", re.compile(_MAILBOX)),
    ("menu", re.compile(_MENU)),
    ("away", re.compile(_AWAY)),
    ("person", re.compile(_PERSON)),
)


def wording(text: str) -> Wording | None:
    """Whose words these are, if they are anybody's in particular."""
    words = " ".join(plain_words(text))
    return next((name for name, pattern in _ALL if pattern.search(words)), None)
