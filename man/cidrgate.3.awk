# Makes the manual page cidrgate(3) of the comment at the top of cidrgate.h. -v version=X.Y.Z

function quote(text) { gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); sub(/^[.']/, "\\\\\\&&", text); return text }
function code(on) { if (on != in_code) print (on ? ".PP\n.nf\n.RS 4" : ".RE\n.fi"); in_code = on }

NR == 1 {
    print ".TH CIDRGATE 3 \"\" \"cidrgate " version "\"\n.SH NAME\ncidrgate \\- source\\-IP policies in C"
    print ".SH SYNOPSIS\n.nf\n#include <cidrgate.h>\n#include <cidrgate_sockaddr.h>\n.fi\n.SH DESCRIPTION"
    next
}
/^ \*\// { exit }
/^ \* Made from/ { skip = 1; next }
{ sub(/^ \* ?/, "") }
skip && /^$/ { skip = 0; next }
/^$/ { blank = 1; next }
/^    / && !rule { code(1); if (blank && line) print ""; print quote(substr($0, 5)); blank = 0; line = 1; next }
{ code(0); line = 0 }
/^The rules/ { print ".SH RULES\n" quote($0); blank = 0; next }
# A rule: its name, three or fewer blanks, the text; its further lines stand under the text.
/^[A-Z][a-z]+\. / { rule = 1; name = $1; sub(/\.$/, "", name); print ".TP\n.B " name; sub(/^[A-Za-z]+\. +/, ""); print quote($0); blank = 0; next }
/^ / { sub(/^ +/, ""); print quote($0); next }
{ rule = 0; if (blank && NR > 6) print ".PP"; print quote($0); blank = 0 }
END {
    code(0)
    print ".SH FUNCTIONS\nThe header says of each function what it takes, what it gives back and what it costs."
    print ".SH \"SEE ALSO\"\n.BR cidrgate (1),\n.BR cidrgate (5)"
}
