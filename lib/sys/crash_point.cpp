#include "sys/crash_point.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "sys/signals.hpp"

namespace multiprocessing::sys {
namespace detail {

// Ordering. Each pair is named where it is used.
//   [A] arm(release) -> visit(acquire)   a visitor sees the name and count that were armed
constinit std::atomic<CrashState> crash_state{CrashState::environment_unread};

namespace {

constinit std::array<char, 128> armed_name{};
constinit std::atomic<int> visits_left{0};
constinit std::atomic<bool> only_stops{false};

void arm(std::string_view name, int visit, bool stops = false) noexcept {
  crash_state.store(CrashState::idle, std::memory_order_relaxed);  // nothing to see yet
  if (name.size() >= armed_name.size() || visit < 1) return;
  std::memcpy(armed_name.data(), name.data(), name.size());
  armed_name[name.size()] = '\0';
  only_stops.store(stops, std::memory_order_relaxed);               // published by [A]
  visits_left.store(visit, std::memory_order_relaxed);              // the same
  crash_state.store(CrashState::armed, std::memory_order_release);  // [A]
}

// Only the visitor that takes the state from `environment_unread` reads it; one that comes at the
// same time goes uncounted.
void arm_from_environment() noexcept {
  auto unread = CrashState::environment_unread;
  if (!crash_state.compare_exchange_strong(unread, CrashState::idle, std::memory_order_relaxed)) {
    return;
  }
  const char* const text = ::secure_getenv("MULTIPROCESSING_CRASH_AT");
  if (text == nullptr) return;
  const std::string_view setting(text);
  const std::size_t colon = setting.find(':');
  arm(setting.substr(0, colon), colon == std::string_view::npos ? 1 : std::atoi(text + colon + 1));
}

}  // namespace

void visit_armed_crash_point(const char* name) noexcept {
  CrashState state = crash_state.load(std::memory_order_acquire);  // [A]
  if (state == CrashState::environment_unread) {
    arm_from_environment();
    state = crash_state.load(std::memory_order_acquire);  // [A]
  }
  if (state != CrashState::armed || std::strcmp(name, armed_name.data()) != 0) return;
  // relaxed: only the count matters, and only one visitor takes it from 1.
  if (visits_left.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  if (!only_stops.load(std::memory_order_relaxed)) kill_self();  // see [A]
  (void)::raise(SIGSTOP);
}

}  // namespace detail

void arm_crash_point(const char* name, int visit) noexcept {
  detail::arm(name, visit);
}

void arm_stop_point(const char* name, int visit) noexcept {
  detail::arm(name, visit, true);
}

void disarm_crash_point() noexcept {
  detail::crash_state.store(detail::CrashState::idle, std::memory_order_relaxed);
}

}  // namespace multiprocessing::sys
