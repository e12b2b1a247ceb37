"""Words that say little about what a text is about, in the languages that documents are mostly written in."""

from __future__ import annotations

from typing import Final

__all__ = ["COMMON_WORDS"]

_ENGLISH: Final = """
    a about after all also an and any are as at be because been before being between both but by can could
    did do does during each few for from further had has have having he her here him his how i if in into
    is it its just may me more most my no nor not of on only or other our out over own same she should so
    some such than that the their them then there these they this those through to too under until up upon
    us very was we were what when where which while who whom whose why will with within without would you
    your
"""
_GERMAN: Final = """
    aber alle als am an auch auf aus bei bis da dann das dass dem den denn der des die diese dieser dieses
    doch durch ein eine einem einen einer eines er es für gegen hat haben hier ich ihm ihr im in ist ja
    kann kein keine man mehr mit nach nicht noch nur ob oder ohne sein seine sich sie sind so über um und
    uns unter vom von vor war waren was weil wenn werden wie wir wird wo wurde wurden zu zum zur zwischen
"""
_ROMANCE: Final = """
    al alla ao aos au aux avec che como con da dal dans das de degli dei del della delle des di do dos du
    e el elle em en entre es est et eu fra gli i il ils in is la las le les leur lo los mais mas más na
    não ne nel nella no non nos o os ou où para par pas per più pela pelo pero plus por pour que qui sa se
    ses si sobre son sono su sua sul sur também tra um una une uma un uno y à á é è
"""
_SLAVIC_AND_OTHERS: Final = """
    а без был была были было быть в во вы для до его ее если есть же за и из или их к как ко ли мы на не
    но о об он она они от по при с со так то только у что это этот bir bu da de den het een van voor met
    niet op te zijn ve ile için czy do i jak jest na nie o od po się to w z za że att av den det du en ett
    för här i inte med men och om på som till är
"""

#: Casefolded.
COMMON_WORDS: Final = frozenset(f"{_ENGLISH} {_GERMAN} {_ROMANCE} {_SLAVIC_AND_OTHERS}".split())
