#pragma once

// What a wait does when a signal interrupted it: nothing, or what raise_on_signal has asked for.

namespace multiprocessing::process {

/// Called in the waiting thread after an interruption; may throw. nullptr: none.
void set_interrupt_hook(void (*hook)()) noexcept;

/// Calls the hook, if there is one.
void interrupted();

}  // namespace multiprocessing::process
