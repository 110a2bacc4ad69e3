# Turns kmod/uapi/lrkproxy.h into a C program that prints all of its numbers: constants, sizes of structs, and of each
# field offset, size and type.

BEGIN {
	print "#include <stddef.h>\n#include <stdio.h>\n#include \"lrkproxy.h\"\n"
	print "#define FIELD(s, f, type) \\"
	print "\tprintf(\"  %s %zu %zu %s\\n\", #f, offsetof(struct s, f), sizeof(((struct s *)0)->f), type)\n"
	print "int main(void)\n{"
}

/^#define LRK_[A-Z0-9_]+[ \t]/ {
	printf "\tprintf(\"%s %%lld\\n\", (long long)%s);\n", $2, $2
	next
}

/^struct [a-z_]+ \{$/ {
	struct = $2
	printf "\tprintf(\"struct %s %%zu\\n\", sizeof(struct %s));\n", struct, struct
	next
}

/^};$/ { struct = "" }

# A field: TYPE name; or TYPE name[N];
struct != "" {
	line = $0
	gsub(/^[ \t]+|;$/, "", line)
	name = line
	sub(/^.* /, "", name)
	type = substr(line, 1, length(line) - length(name) - 1)
	many = ""
	if (match(name, /\[.*\]$/)) {
		many = substr(name, RSTART)
		name = substr(name, 1, RSTART - 1)
	}
	if (name !~ /^[a-z0-9_]+$/ || type == "") {
		print "layout.awk: not a field: " $0 >"/dev/stderr"
		exit 1
	}
	printf "\tFIELD(%s, %s, \"%s%s\");\n", struct, name, type, many
}

END { print "\treturn 0;\n}" }
