#include <limits>

#include "shm/watch.hpp"
#include "sync/event_state.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::sync {
namespace {

/// I2 of event_state.hpp.
bool released(EventWord word, EventWord first) noexcept {
  return is_set(word) || count_of(word) != count_of(first);
}

/// Who wakes it: whoever raises the flag and finds W; if that one dies first, the watch.
bool sleep(EventState& event, EventWord first, sys::Nanoseconds deadline) {
  shm::Sleeper sleeper(shm::low_half(event.word));
  for (;;) {
    sleeper.note();
    MULTIPROCESSING_CRASH_POINT("event.wait.noted");
    const EventWord now = seen(event.word);
    if (released(now, first)) return true;
    if (!expect(event.word, now)) continue;
    MULTIPROCESSING_CRASH_POINT("event.wait.expected");
    const auto awaited = static_cast<std::uint32_t>(now | kSleepers);
    const bool in_time = sleeper.sleep(awaited, deadline);
    MULTIPROCESSING_CRASH_POINT("event.wait.woken");
    if (!in_time) return released(seen(event.word), first);
  }
}

}  // namespace

void set(EventState& event) noexcept {
  const bool sleepers = raise(event.word);
  MULTIPROCESSING_CRASH_POINT("event.set.raised");
  if (sleepers) shm::wake(shm::low_half(event.word), std::numeric_limits<int>::max());
}

void clear(EventState& event) noexcept {
  lower(event.word);
  MULTIPROCESSING_CRASH_POINT("event.clear.lowered");
}

bool wait(EventState& event, Timeout timeout) {
  const EventWord first = seen(event.word);
  if (is_set(first)) return true;
  const sys::Nanoseconds deadline = timeout.deadline();
  if (deadline != sys::kForever && deadline <= sys::now()) return false;
  for (shm::Spinner spinner(event.spins); spinner.again();) {
    if (!released(seen(event.word), first)) continue;
    spinner.found();
    return true;
  }
  return sleep(event, first, deadline);
}

}  // namespace multiprocessing::sync
