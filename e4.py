import sys; sys.path.insert(0,'/tmp/mine')
from ed import *
edit('gateway/sip/settings.py',[
('''        description="the address peers are told to reach us at; empty: the one that routes to them",
    )
''','''        description="the address peers are told to reach us at; empty: the one that routes to them",
    )
    unknown: Literal["answer", "refuse", "drop"] = Field(
        default="answer", description="what is done with requests of strangers"
    )
'''),
(("from typing import Annotated, NamedTuple\n","from typing import Annotated, Literal, NamedTuple\n"),"from typing import Annotated, Literal, NamedTuple\n"),
])
commit("Strangers are answered, refused or dropped, as [sip] unknown says")
