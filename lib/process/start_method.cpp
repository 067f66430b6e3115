#include "process/start_method.hpp"

#include <array>
#include <atomic>
#include <string>

#include <multiprocessing/detail/start_method.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {
namespace process {
namespace {

constexpr int kUnset = -1;
constexpr std::array kMethods{StartMethod::fork, StartMethod::forkserver, StartMethod::spawn};

// relaxed throughout: the number is all there is to see
constinit std::atomic<int> chosen{kUnset};

}  // namespace

const char* name_of(StartMethod method) noexcept {
  switch (method) {
    case StartMethod::fork:
      return "fork";
    case StartMethod::forkserver:
      return "forkserver";
    case StartMethod::spawn:
      return "spawn";
  }
  return "unknown";
}

StartMethod default_method() noexcept {
  int seen = kUnset;
  if (chosen.compare_exchange_strong(seen, static_cast<int>(StartMethod::fork),
                                     std::memory_order_relaxed)) {
    return StartMethod::fork;
  }
  return static_cast<StartMethod>(seen);
}

int inheritable_method() noexcept {
  return chosen.load(std::memory_order_relaxed);
}

void set_inherited_method(int method) noexcept {
  if (method >= kUnset && method <= static_cast<int>(StartMethod::spawn)) {
    chosen.store(method, std::memory_order_relaxed);
  }
}

}  // namespace process

void set_start_method(StartMethod method, bool force) {
  int unset = process::kUnset;
  if (force) {
    process::chosen.store(static_cast<int>(method), std::memory_order_relaxed);
  } else if (!process::chosen.compare_exchange_strong(unset, static_cast<int>(method),
                                                      std::memory_order_relaxed)) {
    throw ValueError(std::string("the start method has already been set, to '") +
                     process::name_of(static_cast<StartMethod>(unset)) +
                     "'; force = true sets it anew");
  }
}

StartMethod get_start_method() {
  return process::default_method();
}

std::vector<StartMethod> get_all_start_methods() {
  return {process::kMethods.begin(), process::kMethods.end()};
}

namespace detail {

StartMethod start_method_named(std::string_view name) {
  for (const StartMethod method : process::kMethods) {
    if (name == process::name_of(method)) return method;
  }
  throw ValueError("cannot find context for '" + std::string(name) +
                   "': there are fork, forkserver and spawn");
}

void refuse_start_method(StartMethod own) {
  throw ValueError(std::string("this context's start method is '") + process::name_of(own) +
                   "' for good; set_start_method() is for the default context");
}

}  // namespace detail
}  // namespace multiprocessing
