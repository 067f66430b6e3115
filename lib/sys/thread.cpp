#include "sys/thread.hpp"

#include <unistd.h>

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

pid_t current_thread_id() noexcept {
  return ::gettid();
}

void name_thread(pthread_t thread, const std::string& name) noexcept {
  (void)::pthread_setname_np(thread, name.substr(0, 15).c_str());
}

}  // namespace multiprocessing::sys
