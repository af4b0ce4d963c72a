/* catch - a function for a signal. */
#ifndef BASE_CATCH_H
#define BASE_CATCH_H

/* From here on the signal calls `handler`, or is ignored (SIG_IGN); system calls go on after it.
 * The signal must be one that can be caught. */
void catch_signal(int number, void (*handler)(int));

#endif
