"""What the agent says by itself, by language: one table. Whoever is not in it hears English."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Phrases:
    sorry: str  # after a failure that the call survives
    goodbye: str  # after one that it does not
    moments: tuple[str, ...]  # while a tool runs; one of them
    still: str  # when it takes long


_TABLE = {
    "en": Phrases(
        "Sorry, I had a problem just now. Could you say that again, please?",
        "I am sorry, I have a technical problem and must end this call. Goodbye.",
        ("Hold on a sec.", "One moment.", "Just a sec.", "Give me a moment.",
         "This'll just take a sec."),
        "Sorry, a few more seconds.",
    ),
    "de": Phrases(
        "Entschuldigung, da gab es gerade ein Problem. Können Sie das bitte noch einmal sagen?",
        "Es tut mir leid, ich habe ein technisches Problem und muss das Gespräch beenden. "
        "Auf Wiederhören.",
        ("Einen Moment bitte.", "Ich schaue kurz nach.", "Einen kleinen Augenblick."),
        "Entschuldigung, noch ein paar Sekunden.",
    ),
    "fr": Phrases(
        "Excusez-moi, j'ai eu un problème à l'instant. Pouvez-vous répéter, s'il vous plaît ?",
        "Je suis désolé, j'ai un problème technique et je dois mettre fin à cet appel. Au revoir.",
        ("Un instant, s'il vous plaît.", "Un petit moment.", "Je regarde tout de suite."),
        "Désolé, encore quelques secondes.",
    ),
    "es": Phrases(
        "Perdón, acabo de tener un problema. ¿Podría repetirlo, por favor?",
        "Lo siento, tengo un problema técnico y debo terminar esta llamada. Adiós.",
        ("Un momento, por favor.", "Deme un segundo.", "Ahora mismo lo miro."),
        "Perdón, unos segundos más.",
    ),
    "it": Phrases(
        "Mi scusi, ho avuto un problema. Può ripetere, per favore?",
        "Mi dispiace, ho un problema tecnico e devo terminare la chiamata. Arrivederci.",
        ("Un momento, per favore.", "Solo un attimo.", "Controllo subito."),
        "Mi scusi, ancora qualche secondo.",
    ),
    "pt": Phrases(
        "Desculpe, tive um problema agora mesmo. Pode repetir, por favor?",
        "Lamento, tenho um problema técnico e preciso encerrar esta chamada. Até logo.",
        ("Um momento, por favor.", "Só um instante.", "Vou verificar agora."),
        "Desculpe, só mais alguns segundos.",
    ),
    "nl": Phrases(
        "Sorry, er ging net iets mis. Kunt u dat nog een keer zeggen?",
        "Het spijt me, ik heb een technisch probleem en moet dit gesprek beëindigen. Tot ziens.",
        ("Een ogenblik, alstublieft.", "Een momentje.", "Ik kijk het even na."),
        "Sorry, nog een paar seconden.",
    ),
    "pl": Phrases(
        "Przepraszam, wystąpił problem. Czy można prosić o powtórzenie?",
        "Przepraszam, mam problem techniczny i muszę zakończyć rozmowę. Do widzenia.",
        ("Chwileczkę.", "Proszę o moment.", "Już sprawdzam."),
        "Przepraszam, jeszcze kilka sekund.",
    ),
    "sv": Phrases(
        "Ursäkta, det blev ett fel just nu. Kan du säga det igen?",
        "Jag är ledsen, jag har ett tekniskt problem och måste avsluta samtalet. Hej då.",
        ("Ett ögonblick.", "Vänta lite.", "Jag kollar."),
        "Ursäkta, några sekunder till.",
    ),
    "da": Phrases(
        "Undskyld, der opstod et problem. Kan du sige det igen?",
        "Jeg beklager, jeg har et teknisk problem og må afslutte opkaldet. Farvel.",
        ("Et øjeblik.", "Lige et øjeblik.", "Jeg tjekker lige."),
        "Undskyld, et par sekunder mere.",
    ),
    "tr": Phrases(
        "Özür dilerim, az önce bir sorun oldu. Lütfen tekrar eder misiniz?",
        "Üzgünüm, teknik bir sorun var ve bu görüşmeyi bitirmem gerekiyor. Hoşça kalın.",
        ("Bir saniye lütfen.", "Bir dakika.", "Hemen bakıyorum."),
        "Özür dilerim, birkaç saniye daha.",
    ),
    "ru": Phrases(
        "Извините, произошла ошибка. Повторите, пожалуйста.",
        "К сожалению, возникла техническая проблема, и я должен завершить разговор. До свидания.",
        ("Одну минуту.", "Секунду, пожалуйста.", "Сейчас посмотрю."),
        "Извините, ещё несколько секунд.",
    ),
    "uk": Phrases(
        "Вибачте, сталася помилка. Повторіть, будь ласка.",
        "На жаль, виникла технічна проблема, і я мушу завершити розмову. До побачення.",
        ("Одну хвилинку.", "Секунду, будь ласка.", "Зараз перевірю."),
        "Вибачте, ще кілька секунд.",
    ),
    "ja": Phrases(
        "申し訳ありません、問題が発生しました。もう一度お願いできますか。",
        "申し訳ありません、技術的な問題のため通話を終了いたします。失礼いたします。",
        ("少々お待ちください。", "お調べします。", "少しお時間をください。"),
        "申し訳ありません、もう数秒お待ちください。",
    ),
    "zh": Phrases(
        "抱歉，刚才出了点问题。请您再说一遍好吗？",
        "很抱歉，出现技术问题，我必须结束通话。再见。",
        ("请稍等。", "稍等一下。", "我查一下。"),
        "抱歉，还需要几秒钟。",
    ),
    "ko": Phrases(
        "죄송합니다, 방금 문제가 있었습니다. 다시 한번 말씀해 주시겠어요?",
        "죄송합니다. 기술적인 문제로 통화를 종료해야 합니다. 안녕히 계세요.",
        ("잠시만 기다려 주세요.", "잠깐만요.", "확인해 보겠습니다."),
        "죄송합니다, 몇 초만 더 기다려 주세요.",
    ),
    "hi": Phrases(
        "माफ़ कीजिए, अभी एक समस्या हुई। क्या आप फिर से कह सकते हैं?",
        "माफ़ कीजिए, तकनीकी समस्या के कारण मुझे यह कॉल समाप्त करनी होगी। नमस्ते।",
        ("एक क्षण रुकिए।", "बस एक सेकंड।", "मैं अभी देखता हूँ।"),
        "माफ़ कीजिए, कुछ सेकंड और।",
    ),
    "ar": Phrases(
        "عذرًا، حدثت مشكلة للتو. هل يمكنك إعادة ما قلته من فضلك؟",
        "أعتذر، لدي مشكلة تقنية ويجب أن أنهي هذه المكالمة. مع السلامة.",
        ("لحظة من فضلك.", "ثانية واحدة.", "سأتحقق الآن."),
        "عذرًا، بضع ثوانٍ أخرى.",
    ),
}  # fmt: skip


def base(language: str) -> str:
    """The language of a tag: ``de`` of ``de-AT`` (BCP 47)."""
    return language.replace("_", "-").partition("-")[0].lower()


def phrases(language: str) -> Phrases:
    return _TABLE.get(base(language), _TABLE["en"])
