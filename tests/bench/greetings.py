"""What is said on openings that the detector was not made with: two lots, ``HELD_OUT`` and
``SPARE``, with no text in common with one another or with ``openings``."""

# ruff: noqa: RUF001  # some are in Russian, some in Turkish

from dataclasses import dataclass

Said = tuple[str, str]  # eSpeak NG's language, text


@dataclass(frozen=True)
class Lot:
    """``mute``: mailboxes that announce no tone; ``dead``: of networks, about the number."""

    humans: tuple[Said, ...]
    mailboxes: tuple[Said, ...]
    mute: tuple[Said, ...]
    menus: tuple[Said, ...]
    dead: tuple[Said, ...]
    voices: tuple[str, ...]
    speeds: tuple[int, ...]
    beeps: tuple[int, ...]


HELD_OUT = Lot(
    humans=(
        ("en-us", "Hello, hello?"), ("en-us", "This is Dave."), ("en-us", "Go ahead."),
        ("en-us", "Good evening."), ("en-gb", "Oh, hi there."), ("en-us", "Uh, yes?"),
        ("en-us", "Maria Lopez."), ("en-us", "Shipping department, this is Carl."),
        ("en-gb", "Hello, Jenkins residence."), ("en-us", "Can you hear me?"),
        ("en-us", "Sorry, I was in the other room, hello?"),
        ("en-us", "Good afternoon and thanks for calling Lakeside Animal Hospital, my name is "
                  "Denise, what can I help you with today?"),
        ("en-gb", "King's Arms, good evening, would you like to book a table?"),
        ("en-us", "Help desk, can I have your employee number please?"),
        ("en-us", "Hi, you have reached Tom, what's going on?"),
        ("en-gb-scotland", "Aye, hello, who's that then?"),
        ("en-gb-x-rp", "Good morning, doctor Whitfield's surgery, are you calling for an "
                       "appointment?"),
        ("en-us", "Grandma, is that you?"), ("en-us", "What?"), ("en-us", "Northside Auto."),
        ("de", "Ja bitte?"), ("de", "Hallo, wer ist denn da?"), ("de", "Fischer."),
        ("de", "Praxis Doktor Hoffmann, guten Morgen, was kann ich für Sie tun?"),
        ("de", "Grüß Gott, Gasthof zur Post, Huber am Telefon."),
        ("fr", "Allô, qui est à l'appareil?"), ("fr", "Ouais?"),
        ("fr", "Boulangerie Martin, bonjour, que puis-je faire pour vous?"),
        ("es", "¿Aló? ¿Quién habla?"), ("es", "Hola, buenas tardes."),
        ("es", "Clínica San Juan, le atiende Carmen, dígame."),
        ("es-419", "¿Bueno?"), ("it", "Sì?"), ("it", "Buongiorno, studio Rossi, mi dica."),
        ("nl", "Hallo, met Pieter de Boer."), ("nl", "Ja, hallo?"),
        ("pt", "Pronto, diga."), ("pt-br", "Oi, tudo bem?"),
        ("pl", "Słucham?"), ("pl", "Dzień dobry, Kowalski, w czym mogę pomóc?"),
        ("sv", "Hej, det är Anna."), ("da", "Det er Mette."), ("ru", "Алло, слушаю вас."),
        ("tr", "Alo, buyurun?"), ("cs", "Prosím?"), ("fi", "Haloo, Virtanen puhelimessa."),
    ),
    mailboxes=(
        ("en-us", "You've got Sam's phone. I'm not here. You know what to do."),
        ("en-us", "Hello. No one is available to take your call. Please leave a message after the "
                  "tone."),
        ("en-us", "Hey, this is Jordan. I'm probably driving or asleep. Text me, or leave a "
                  "message, and I'll call you back."),
        ("en-us", "The Google subscriber you have called is not available. Please leave a message "
                  "after the tone."),
        ("en-us", "Your call has been forwarded to voicemail. The person you're trying to reach is "
                  "not available. When you have finished recording, you may hang up."),
        ("en-us", "The mailbox of four one five, five five five, oh one two three. To leave a "
                  "message, wait for the tone."),
        ("en-gb", "Welcome to the messaging service of oh seven seven double oh. Please speak "
                  "after the tone."),
        ("en-gb", "I'm sorry, but the person you called has a voicemail that has not been set up. "
                  "Please record your message after the beep anyway."),
        ("en-gb-scotland", "This is the answerphone of Fiona and Graham. We are out in the garden. "
                           "Say something nice after the beep."),
        ("en-us", "You have reached Lakeside Animal Hospital. We are closed for the day. If this "
                  "is an emergency, call the county clinic. Otherwise leave us a message."),
        ("en-us", "Hi, you have reached the desk of Ellen Park in accounting. I am away from my "
                  "desk or on another line. Leave your name, number and a short message, and I "
                  "will return your call by the end of the day."),
        ("de", "Sie sind verbunden mit der Mobilbox von Jana. Bitte hinterlassen Sie nach dem Ton "
               "eine Nachricht."),
        ("de", "Hallo, ich bin gerade nicht da. Sagt einfach nach dem Piepton, was ihr wollt."),
        ("de", "Guten Tag. Sie haben die Praxis Doktor Hoffmann außerhalb der Sprechzeiten "
               "erreicht. Sie können uns eine Nachricht hinterlassen."),
        ("fr", "Vous êtes sur le répondeur de Luc. Parlez après le bip sonore."),
        ("fr", "Le correspondant que vous demandez n'est pas joignable. Merci de laisser votre "
               "message après le signal."),
        ("es", "El teléfono al que llama está apagado o fuera de cobertura. Deje su mensaje "
               "después de oír la señal."),
        ("es-419", "Este es el buzón de voz de Laura. Grabe su mensaje después del tono."),
        ("it", "Ciao, sono Marco. In questo momento non posso rispondere. Lasciate un messaggio "
               "dopo il bip."),
        ("nl", "Dit is de voicemail van Sanne. Ik kan nu niet opnemen. Laat een bericht achter na "
               "de toon."),
        ("pt-br", "Sua chamada está sendo encaminhada para a caixa de mensagens. Grave seu recado "
                  "após o sinal."),
        ("pl", "Dodzwoniłeś się do poczty głosowej. Zostaw wiadomość po sygnale."),
        ("sv", "Hej, du har kommit till Anders mobilsvar. Lämna ett meddelande efter tonen."),
        ("da", "Du har ringet til Mettes telefonsvarer. Læg en besked efter tonen."),
        ("ru", "Абонент временно недоступен. Оставьте сообщение после сигнала."),
        ("tr", "Aradığınız kişiye şu anda ulaşılamıyor. Lütfen sinyal sesinden sonra mesajınızı "
               "bırakın."),
    ),
    mute=(
        ("en-us", "Hi, this is Priya with Sunrise Realty. I am either with a client or on the "
                  "other line. Please leave me a detailed message and I will get right back to "
                  "you. Have a great day."),
        ("en-us", "You have reached the law offices of Baker and Stone. Our normal business hours "
                  "are Monday through Friday from eight thirty to five. If you know your party's "
                  "extension you may dial it at any time."),
        ("en-gb", "Hello, you're through to the church hall. There is nobody in the office just "
                  "now. Do try again tomorrow, or send us an e-mail."),
        ("de", "Willkommen bei den Stadtwerken. Unser Büro ist zur Zeit nicht besetzt. Sie "
               "erreichen uns montags bis freitags von acht bis sechzehn Uhr."),
        ("fr", "Bonjour, vous êtes bien chez Garage Petit. Nos bureaux sont fermés. Veuillez "
               "rappeler demain à partir de neuf heures."),
        ("es", "Ha llamado a Talleres Ruiz. En estos momentos estamos cerrados. Nuestro horario es "
               "de nueve a seis."),
    ),
    menus=(
        ("en-us", "Thanks for calling Metro Cable. Para español, oprima el dos. To pay a bill, say "
                  "pay my bill. For technical support, say support."),
        ("en-us", "Please enter the extension of the person you wish to reach, followed by the "
                  "pound key. For a company directory, press nine."),
        ("en-us", "You are now being connected. Calls are monitored for training purposes. Your "
                  "estimated wait time is four minutes."),
        ("en-us", "Hi, the person you are calling is using a screening service from Google. Go "
                  "ahead and say your name, and why you are calling."),
        ("en-us", "Hello. If you record your name and reason for calling, I will see if this "
                  "person is available."),
        ("en-gb", "Welcome to your local council. For bins and recycling, press one. For council "
                  "tax, press two. To hear these options again, press hash."),
        ("de", "Herzlich willkommen bei der Servicehotline. Bei Fragen zu Ihrer Rechnung drücken "
               "Sie bitte die eins. Für alles andere die zwei."),
        ("fr", "Bienvenue chez Assurance Plus. Pour un sinistre, tapez un. Pour un devis, tapez "
               "deux."),
        ("es", "Bienvenido al banco. Para saldo, marque uno. Para tarjetas, marque dos."),
        ("it", "Benvenuti. Per informazioni, digitare uno. Per parlare con un operatore, digitare "
               "due."),
    ),
    dead=(
        ("en-us", "We're sorry. The number you have dialed is not in service. Please check the "
                  "number and dial again."),
        ("en-us", "We're sorry. Your call cannot be completed as dialed."),
        ("de", "Kein Anschluss unter dieser Nummer."),
        ("fr", "Le numéro que vous avez composé n'est pas attribué."),
    ),
    voices=("+f1", "+f3", "+f5", "+m1", "+m2", "+m5", "+m7"),
    speeds=(130, 145, 175, 205),
    beeps=(410, 470, 560, 640, 740, 830, 915, 990, 1024, 1130, 1270, 1380, 1450, 1580, 1690, 1800,
           1920, 2040, 2100),
)  # fmt: skip

SPARE = Lot(
    humans=(
        ("en-us", "Hey."), ("en-us", "Yes, speaking."), ("en-us", "Who's this?"),
        ("en-us", "Peterson plumbing, Mike here."), ("en-gb", "Hello, Sally speaking, can I help?"),
        ("en-us", "Thank you for calling Green Valley Credit Union, you are speaking with Rebecca, "
                  "may I have your account number?"),
        ("en-us", "Hold on, let me turn the radio down. Okay, go ahead."),
        ("en-us", "Good morning, Wilson Elementary School, this is Mrs. Parker at the front desk "
                  "speaking, how can I direct your call?"),
        ("en-us", "It's a great day at Sunny Motors, home of the lifetime warranty, this is Rick, "
                  "are you calling for sales or service?"),
        ("en-gb", "Thank you for holding, you're through to Harriet in the claims department, "
                  "could I take your policy number?"),
        ("de", "Sanitär Krause, einen schönen guten Tag, Sie sprechen mit Frau Lehmann, wie kann "
               "ich Ihnen weiterhelfen?"),
        ("fr", "Mairie de Beaulieu, bonjour, Isabelle à votre service, que puis-je faire pour "
               "vous aider?"),
        ("en-us", "Um, hi, yeah, sorry, I was just about to go out, who am I speaking with?"),
        ("en-us", "I'm in a meeting, who is it?"), ("en-us", "Mom? Is everything all right?"),
        ("en-gb", "Reception."), ("de", "Meier, guten Tag."), ("de", "Ja?"),
        ("fr", "Oui allô, j'écoute."), ("es", "Sí, dígame."), ("it", "Pronto, sono Paola."),
        ("nl", "Goedemorgen, tandartspraktijk Bakker."), ("pt", "Estou sim?"),
        ("pl", "Halo?"), ("sv", "Hallå?"), ("da", "Hallo, det er Jens."), ("ru", "Да, алло."),
    ),
    mailboxes=(
        ("en-us", "This is Chris. I missed your call. Leave a message and I'll ring you back."),
        ("en-us", "The wireless customer you are calling is not available. Please try again later "
                  "or leave a message."),
        ("en-us", "Welcome to the voice mailbox of extension two oh four. Start speaking when you "
                  "hear the tone."),
        ("en-gb", "We can't get to the phone. Please say who you are and we'll ring you."),
        ("de", "Der Teilnehmer ist vorübergehend nicht erreichbar. Sprechen Sie bitte nach dem "
               "Signal."),
        ("fr", "Je ne peux pas vous répondre pour l'instant. Laissez un message."),
        ("es", "Ahora no puedo ponerme. Deja tu mensaje tras la señal."),
        ("it", "Il cliente da lei chiamato non è al momento raggiungibile. Lasci un messaggio."),
        ("nl", "De persoon die u belt is niet bereikbaar. Spreek een bericht in na de piep."),
        ("pt", "Não posso atender agora. Deixe a sua mensagem depois do sinal."),
        ("pl", "Abonent jest chwilowo niedostępny. Nagraj wiadomość po usłyszeniu sygnału."),
        ("sv", "Jag kan inte svara just nu. Tala in ett meddelande efter pipet."),
        ("da", "Jeg kan ikke tage telefonen lige nu. Indtal en besked efter klartonen."),
        ("ru", "Вас приветствует автоответчик. Говорите после гудка."),
    ),
    mute=(
        ("en-us", "You've reached Oak Street Books. We open again on Tuesday at ten. Visit our "
                  "web page for events. Thank you and good bye."),
        ("de", "Sie rufen außerhalb unserer Geschäftszeiten an. Bitte versuchen Sie es später noch "
               "einmal. Vielen Dank für Ihren Anruf."),
    ),
    menus=(
        ("en-us", "To schedule an appointment, press one. For prescription refills, press two."),
        ("en-us", "All representatives are helping other customers. Please remain on the line."),
        ("en-us", "Please say your name after the prompt, and I will try to connect you."),
        ("de", "Für den Vertrieb wählen Sie die eins. Für den Kundendienst die zwei."),
    ),
    dead=(
        ("en-us", "The number you are trying to reach has been disconnected."),
        ("en-gb", "The number you have dialled has not been recognised."),
    ),
    voices=("+f2", "+m3", "+m4", "+m6"),
    speeds=(140, 160, 195),
    beeps=(425, 500, 660, 770, 850, 970, 1075, 1220, 1350, 1480, 1620, 1780, 1980),
)  # fmt: skip
