# Turns RESULT lines into a table: one line for each way, a column for each place and number of sessions; the least of all
# boots, and in brackets how much it is of plain forwarding's there.
#
# Input: PLACE RESULT WAY SESSIONS LEAST MEDIAN, in tenths.
$2 == "RESULT" {
	column = $1 " " $4
	if (!(column in seen)) {
		seen[column] = 1
		columns[++count] = column
	}
	if (!($3 in known)) {
		known[$3] = 1
		ways[++number] = $3
	}
	if (!(($3, column) in least) || $5 < least[$3, column]) least[$3, column] = $5
}

END {
	printf "| |"
	for (i = 1; i <= count; i++) printf " %s |", columns[i]
	printf "\n|---|"
	for (i = 1; i <= count; i++) printf "---|"
	for (w = 1; w <= number; w++) {
		printf "\n| %s |", ways[w]
		for (i = 1; i <= count; i++) {
			if (!((ways[w], columns[i]) in least)) {
				printf " – |"
				continue
			}
			value = least[ways[w], columns[i]]
			printf " %.0f (%.2f) |", value / 10, value / least["plain", columns[i]]
		}
	}
	printf "\n"
}
