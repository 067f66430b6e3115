#pragma once

/// \file sys/exit.hpp
/// A barrier among the exit handlers: what a child registered runs, what its parent had does not.
///
///   death     a child that is killed or calls _exit never reaches the barrier
///
/// exit() runs handlers (atexit, on_exit, destructors of static objects) last registered first. So
/// one registered first thing in the child runs after all the child's own and before all inherited
/// ones, and ends the process there. Only thread_local objects that the forking thread had made
/// escape it: glibc destroys those before any handler.

namespace multiprocessing::sys {

/// Registers the barrier. Call it first thing in a forked child, which then ends by exit(). At the
/// barrier `last`, if given, is called with the exit status; then the standard streams are flushed
/// and the process ends with that status.
/// \throws std::system_error naming on_exit (ENOMEM).
void install_exit_barrier(void (*last)(int status) = nullptr);

/// For a process that has executed its program: `last` is called with the exit status after all
/// handlers that are registered later, and what was registered before runs after it.
/// \throws std::system_error naming on_exit (ENOMEM).
void install_exit_witness(void (*last)(int status));

}  // namespace multiprocessing::sys
