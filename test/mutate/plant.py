# SPDX-License-Identifier: GPL-3.0-or-later
"""The small faults that can be planted in a C file: one Fault is one change of one place in its text.

OPERATORS names them. Nothing is planted in a macro's expansion, nor where memory is only given back: that is seen by
nobody but `make asan`, whose business it is. Of two values the smaller or the larger one is taken whether or not equal ones
count as smaller: no bound is moved there.
"""
import collections
import re

from clang.cindex import CursorKind as Kind, Index, TranslationUnit

OPERATORS = {
    "negate": "a condition is negated",
    "bound": "a bound is moved by one",
    "drop": "a statement is left out",
    "swap": "another constant of the same enum",
    "ignore": "an error is not looked at",
    "forget": "a sync, an unlock or a wake-up is left out",
}
FREES = re.compile(r"^(\w+_)?(free|freep|decref|cleanup|clear_error)$|^free_\w+$")
FORGETS = re.compile(r"sync|unlock|signal|broadcast|wake|resume|notify|sem_post")
BOUNDS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
LEAVES = (Kind.RETURN_STMT, Kind.GOTO_STMT, Kind.BREAK_STMT, Kind.CONTINUE_STMT)

# at, end: in the bytes of the file; function: "" in a table.
Fault = collections.namedtuple("Fault", "file function line operator at end before after")


class Planter:
    """All faults of one file."""

    def __init__(self, file, flags):
        with open(file, "rb") as f:
            self.text = f.read()
        self.file = file
        self.faults = []
        self.function = ""
        self.choices = set()  # extents of comparisons that only choose the smaller or the larger of what they compare
        unit = Index.create().parse(file, args=flags, options=TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD)
        wrong = [d for d in unit.diagnostics if d.severity >= 3]
        if wrong:
            raise ValueError(f"{file}: {wrong[0]}")
        here = [c for c in unit.cursor.get_children() if c.location.file and c.location.file.name == file]
        self.macros = [(c.extent.start.offset, c.extent.end.offset) for c in here if c.kind == Kind.MACRO_INSTANTIATION]
        for cursor in here:
            if cursor.kind == Kind.FUNCTION_DECL and cursor.is_definition():
                self.function = cursor.spelling
                self.visit(cursor)
            elif cursor.kind == Kind.VAR_DECL:
                self.function = ""
                self.visit(cursor)

    def extent(self, cursor):
        return cursor.extent.start.offset, cursor.extent.end.offset

    def text_of(self, cursor):
        at, end = self.extent(cursor)
        return self.text[at:end].decode()

    def add(self, operator, cursor, after):
        """Unless the place is in a macro's expansion, or begins or ends in one."""
        at, end = self.extent(cursor)
        if at == end:
            return
        if any(at < right and left < end and not (at <= left and right <= end) for left, right in self.macros):
            return
        if any(left < at and end < right or (left, right) == (at, end) and operator != "swap" for left, right in self.macros):
            return
        line = self.text.count(b"\n", 0, at) + 1
        before = self.text[at:end].decode()
        self.faults.append(Fault(self.file, self.function, line, operator, at, end, before, after))

    def visit(self, cursor):
        children = list(cursor.get_children())
        kind = cursor.kind
        if self.is_choice(kind, children):
            self.choices.add(self.extent(children[0]))
        if kind in (Kind.IF_STMT, Kind.WHILE_STMT, Kind.CONDITIONAL_OPERATOR):
            self.negate(children[0])
        if kind == Kind.IF_STMT and leaves(children[1]):
            for part in self.parts(children[0], "||"):
                if self.calls(part) and not re.search(r"== 0$", self.text_of(part)):
                    self.add("ignore", part, f"((void)({self.text_of(part)}), 0)")
        if kind == Kind.BINARY_OPERATOR and len(children) == 2:
            self.binary(cursor, children)
        if kind == Kind.COMPOUND_STMT:
            for child in children:
                self.statement(child)
        if kind in (Kind.IF_STMT, Kind.WHILE_STMT, Kind.FOR_STMT, Kind.CASE_STMT):
            self.statement(children[-1])
        if kind == Kind.CALL_EXPR and FORGETS.search(cursor.spelling or ""):
            self.add("forget", cursor, "0")
        if kind == Kind.DECL_REF_EXPR and cursor.referenced and cursor.referenced.kind == Kind.ENUM_CONSTANT_DECL:
            self.swap(cursor)
        for child in children if kind != Kind.CASE_STMT else children[1:]:
            self.visit(child)

    def negate(self, condition):
        self.add("negate", condition, f"!({self.text_of(condition)})")

    def operator_of(self, left, right):
        """(text, at, end) of what stands between two operands."""
        at, end = self.extent(left)[1], self.extent(right)[0]
        between = self.text[at:end]
        found = re.search(rb"&&|\|\||<<|>>|[<>=!]=|[<>]", between)
        return (found[0].decode(), at + found.start(), at + found.end()) if found else ("", 0, 0)

    def binary(self, cursor, children):
        operator, at, end = self.operator_of(*children)
        if operator in BOUNDS and self.extent(cursor) not in self.choices:
            first, last = self.extent(cursor)
            self.add("bound", cursor, (self.text[first:at] + BOUNDS[operator].encode() + self.text[end:last]).decode())
        if operator in ("&&", "||"):
            for child in children:
                self.negate(child)

    def is_choice(self, kind, children):
        """a < b ? a : b, or a > b ? a - b : 0, or if (a < b) a = b"""
        compared = self.operands(children[0]) if children else []
        if kind == Kind.CONDITIONAL_OPERATOR:
            chosen = [" ".join(self.text_of(c).split()) for c in children[1:]]
            if chosen[1] == "0" and chosen[0] == " - ".join(compared):
                return True
        elif kind == Kind.IF_STMT and len(children) == 2 and children[1].kind == Kind.BINARY_OPERATOR and "=" == self.assigned(children[1]):
            chosen = self.operands(children[1])
        else:
            return False
        return bool(compared) and sorted(compared) == sorted(chosen)

    def assigned(self, cursor):
        left, right = cursor.get_children()
        return self.text[self.extent(left)[1]:self.extent(right)[0]].strip().decode()

    def operands(self, cursor):
        """What stands on either side, each as its words."""
        children = list(cursor.get_children())
        if cursor.kind != Kind.BINARY_OPERATOR or len(children) != 2:
            return []
        return [" ".join(self.text_of(c).split()) for c in children]

    def parts(self, condition, joined_by):
        """The operands of a condition, as deep as they are joined by that."""
        children = list(condition.get_children())
        if condition.kind == Kind.BINARY_OPERATOR and len(children) == 2 and self.operator_of(*children)[0] == joined_by:
            return [p for c in children for p in self.parts(c, joined_by)]
        return [condition]

    def calls(self, cursor):
        return any(c.kind == Kind.CALL_EXPR for c in cursor.walk_preorder())

    def statement(self, cursor):
        """A call, an assignment, a step, a break that can be left out."""
        inner = cursor
        while inner.kind in (Kind.CSTYLE_CAST_EXPR, Kind.PAREN_EXPR, Kind.UNEXPOSED_EXPR):
            inner = list(inner.get_children())[-1]
        assigns = inner.kind == Kind.BINARY_OPERATOR and re.search(r"[^<>=!]=[^=]", self.text_of(inner))
        steps = inner.kind in (Kind.UNARY_OPERATOR, Kind.COMPOUND_ASSIGNMENT_OPERATOR)
        called = inner.kind == Kind.CALL_EXPR
        if called and FREES.search(inner.spelling or "") or not (assigns or steps or called or inner.kind == Kind.BREAK_STMT):
            return
        operator = "forget" if called and FORGETS.search(inner.spelling or "") else "drop"
        self.add(operator, cursor, "(void)0")

    def swap(self, cursor):
        """Where the enum has a name: one without is a list of numbers, not of things of which one is meant."""
        of = cursor.referenced.semantic_parent
        for other in of.get_children() if of.spelling and "unnamed" not in of.spelling else ():
            if other.kind == Kind.ENUM_CONSTANT_DECL and other.spelling != cursor.spelling:
                self.add("swap", cursor, other.spelling)


def leaves(statement):
    """Whether a branch ends by leaving."""
    if statement.kind == Kind.COMPOUND_STMT:
        children = list(statement.get_children())
        return bool(children) and leaves(children[-1])
    return statement.kind in LEAVES


def faults(file, flags):
    """Every Fault of the file, each once."""
    found = {(f.at, f.end, f.after): f for f in Planter(file, flags).faults}
    return sorted(found.values())


def planted(fault, text):
    """The bytes of the file with the fault in them."""
    return text[:fault.at] + fault.after.encode() + text[fault.end:]
