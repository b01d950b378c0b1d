"""What machines say, and people who pick up, by language: looked for in a transcript.

A recogniser hears a telephone badly, so the phrases are short stems; one is enough.
"""

import re
from typing import Literal

from gateway.agent.words import plain_words

Wording = Literal["mailbox", "away", "menu", "person"]

# Said by nobody who is there.
_MAILBOX = (
    # English
    r"leave (me |us )?(a|your|the) (brief |short |detailed )?(message|name)|voice ?mail|mailbox"
    r"|(after|at) the (beep|tone|signal)|youve reached the|record your message"
    r"|answering machine|automated|forwarded to"
    # German
    r"|nach dem (signal|piep|ton)|nachricht (nach|hinter)|hinterlass|mailbox|anrufbeantworter"
    r"|sprachbox"
    # French
    r"|laissez|laisser (un|votre) message|après le (bip|signal)|messagerie|répondeur"
    # Spanish, Portuguese
    r"|deje? (su|un|tu) (mensaje|recado)|después (de la|del) (señal|tono)|buzón|contestador"
    r"|deixe (sua|seu|uma|a) (mensagem|recado)|após o (sinal|bip)|caixa postal|correio de voz"
    # Italian
    r"|lasci(a|ate|are)? (pure )?(un|il) messaggio|dopo il (segnale|bip)|segreteria"
    # Dutch
    r"|na de (piep|toon)|spreek (\w+ ){0,3}in\b|bericht (\w+ ){0,2}(in|achter)\b"
)
# Said also by somebody who is there, of somebody who is not.
_AWAY = (
    r"(not|cant|cannot|unable to) (\w+ ){0,3}(answer|take|come to) (\w+ ){0,2}(call|phone)"
    r"|not available (right now|at the moment|to take)|is (not|un) ?available|get back to you"
    r"|return your call|ill call you back|currently closed|office hours|cannot be reached"
    r"|nicht (erreichbar|zu erreichen|ans telefon)|rufe? (\w+ ){0,3}zurück"
    r"|pas disponible|je vous rappel|absent"
    r"|no (puedo|podemos) (atender|contestar)|no est(á|oy) disponible"
    r"|non (sono|siamo|è) (\w+ )?(disponibil|raggiungibil)"
    r"|niet (bereikbaar|opnemen|aannemen)|bel (\w+ ){0,2}terug"
)
_MENU = (
    r"press (zero|one|two|three|four|five|six|seven|eight|nine|star|pound|hash|\d)"
    r"|(for|to) [\w ]{2,40} (press|say|dial)\b|main menu|following options|dial (the|your) "
    r"(party|extension)|para español|drücken sie|wählen sie|(tapez|appuyez sur|faites le) "
    r"|(pulse|marque|oprima|digite|aperte|prem[ia]|druk|toets) (el |la |o |il |een |op )?"
    r"(uno|dos|um|dois|due|un|twee|\d)"
    r"|calls? (may be|is being|are) recorded|your call is important"
    r"|next available (agent|representative)|please hold|please stay on the line"
    r"|all (of )?our (agents|representatives|operators)"
)
_PERSON = (
    r"^(hello|hi|hey|yes|yeah|yep|hallo|allô|allo|oui|ja|sí|si|diga|dígame|bueno|pronto|sim|alô|"
    r"met|speaking|moin|servus|grüß|mhm|who|whos|aló)( \w+){0,3}$|speaking\b|how (can|may) i help"
    r"|how (can|may) i direct|what can i do for you|whos (this|calling)|who is (this|calling)"
    r"|am apparat|was kann ich für sie|wie kann ich (ihnen |dir )?helfen|mein name ist|à l appareil"
    r"|que puis je|je vous écoute|en qué (puedo|le puedo)|le atiende|con quién|em que posso"
    r"|come posso|chi parla|mi dica|waarmee kan ik|spreekt u mee|waarmee kan"
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
