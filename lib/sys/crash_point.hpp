#pragma once

/// \file sys/crash_point.hpp
/// Named lines at which a test kills its own process with SIGKILL, or stops it. Compiled out of
/// release builds.
///
///   sharing   an armed point is private to a process; a forked child inherits it with its count
///   threads   visits may be concurrent; arm before the threads that visit
///   death     is the purpose
///
/// \code
///   MULTIPROCESSING_CRASH_POINT("lane.put.before_publish");
/// \endcode
///
/// The name is a string literal on the macro's own line, so that a script can list them all. The
/// environment variable MULTIPROCESSING_CRASH_AT=point:n kills at the n-th visit (n is 1 if left
/// out); it is ignored in set-uid programs, and once a point has been armed or disarmed by a call.

#include <atomic>

#ifdef MULTIPROCESSING_CRASH_POINTS
#define MULTIPROCESSING_CRASH_POINT(name) ::multiprocessing::sys::visit_crash_point("" name)
#else
#define MULTIPROCESSING_CRASH_POINT(name) ((void)0)
#endif

namespace multiprocessing::sys {

namespace detail {

enum class CrashState { environment_unread, idle, armed };

extern std::atomic<CrashState> crash_state;

void visit_armed_crash_point(const char* name) noexcept;

}  // namespace detail

/// Kills this process at the `visit`-th coming visit of the point `name` (1 is the next). Replaces
/// what was armed before. Async-signal-safe, hence usable right after fork.
void arm_crash_point(const char* name, int visit = 1) noexcept;

/// The same, but the process only stops there (SIGSTOP), and goes on once it is sent SIGCONT.
void arm_stop_point(const char* name, int visit = 1) noexcept;

void disarm_crash_point() noexcept;

/// The call behind the macro.
inline void visit_crash_point(const char* name) noexcept {
  // relaxed: while nothing is armed nothing needs to be seen; the armed path synchronises itself.
  if (detail::crash_state.load(std::memory_order_relaxed) == detail::CrashState::idle) return;
  detail::visit_armed_crash_point(name);
}

}  // namespace multiprocessing::sys
