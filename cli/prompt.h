/*
 * cli/prompt.h: questions to whoever sits at the terminal
 */
#ifndef DBM_CLI_PROMPT_H
#define DBM_CLI_PROMPT_H

/*
 * Asks a question that "yes" answers, and returns whether it was.  Where no
 * terminal is there to ask, ends the program and names the option --yes.
 */
extern bool prompt_yes(const char *format, ...) pg_attribute_printf(1, 2);

/* Asks for this word, and returns whether it was typed; in the same way. */
extern bool prompt_word(const char *word, const char *format, ...) pg_attribute_printf(2, 3);

#endif							/* DBM_CLI_PROMPT_H */
