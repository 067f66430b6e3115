#include "sys/thread.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "sys/error.hpp"

namespace multiprocessing::sys {

pthread_t start_thread(void* (*body)(void* argument), void* argument) {
  pthread_t thread{};
  const int error = ::pthread_create(&thread, nullptr, body, argument);
  if (error != 0) throw_error(error, "pthread_create");
  return thread;
}

void join_thread(pthread_t thread) noexcept {
  (void)::pthread_join(thread, nullptr);
}

void let_thread_go(pthread_t thread) noexcept {
  (void)::pthread_detach(thread);
}

namespace {

// A child finds the count of its parent, by whose pid it is told apart. relaxed: a guess is enough.
std::atomic<std::int64_t> services{0};  // pid in the high half

}  // namespace

void count_service_thread(int change) noexcept {
  services.store(std::int64_t{::getpid()} << 32U | (service_threads() + change),
                 std::memory_order_relaxed);
}

int service_threads() noexcept {
  const std::int64_t seen = services.load(std::memory_order_relaxed);
  return seen >> 32U == ::getpid() ? static_cast<int>(seen & 0xFFFFFFFF) : 0;
}

pid_t current_thread_id() noexcept {
  return ::gettid();
}

void name_thread(pthread_t thread, const std::string& name) noexcept {
  (void)::pthread_setname_np(thread, name.substr(0, 15).c_str());
}

namespace {

thread_local std::string kept_name;

}  // namespace

void name_this_thread(const std::string& name) {
  kept_name = name;
  name_thread(::pthread_self(), name);
}

const std::string& own_name() noexcept {
  return kept_name;
}

}  // namespace multiprocessing::sys
