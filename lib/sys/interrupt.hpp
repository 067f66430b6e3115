#pragma once

/// \file sys/interrupt.hpp
/// Signals that end a wait of the main thread: a wait that has not begun yet, too.
///
///   sharing   private to a process; a forked child has the handlers of its parent, and is its own
///             main thread
///   threads   a signal that reaches another thread is passed on to the main one. Only that one is
///             interrupted: in others the waits of this file are the plain ones
///   death     nothing to leave behind
///
/// A signal between the last look and the system call must not be slept over. A futex is therefore
/// waited for together with the flag that the handler raises (futex_waitv compares both and queues
/// in one step), and a descriptor with the signals blocked until the kernel waits (ppoll).

#include <poll.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sys/futex.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing::sys {

/// From now on `signal` interrupts the waits below. What the program had done about it is
/// remembered for its children (program_signals.hpp).
/// \throws std::system_error naming sigaction (EINVAL: it cannot be caught).
void interrupt_waits_on(int signal);

/// In the main thread: a signal that has come and was not taken yet, which is taken by that; else
/// 0.
[[nodiscard]] int take_interrupt() noexcept;

/// In a forked child: what had come was its parent's. Async-signal-safe.
void forget_interrupts() noexcept;

/// In a child that has been given the program's signals: nothing interrupts it any more.
void stop_interrupting() noexcept;

/// As futex_wait; `interrupted` at once also while a signal waits to be taken. A wake-up that it
/// consumed is told first, the signal by the next wait.
Wait futex_wait_interruptibly(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                              Nanoseconds deadline = kForever) noexcept;

/// As wait_readable; `interrupted` at once also while a signal waits to be taken, unless `fd` is
/// readable by then. One that only polls is not interrupted.
/// \throws std::system_error naming poll (EBADF if `fd` is not open).
[[nodiscard]] Ready wait_readable_interruptibly(int fd, Nanoseconds deadline = kForever);

/// The same for any of `count` descriptors, whose `revents` tell.
[[nodiscard]] Ready poll_interruptibly(struct pollfd* fds, std::size_t count,
                                       Nanoseconds deadline = kForever);

}  // namespace multiprocessing::sys
