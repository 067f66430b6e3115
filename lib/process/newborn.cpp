// Processes that executed the program anew: they meet their ticket at load and follow it in
// freeze_support.

#include "process/newborn.hpp"

#include <atomic>
#include <cstdlib>
#include <exception>
#include <iostream>  // its streams are made before this file's static objects
#include <string>
#include <utility>

#include <multiprocessing/detail/start_method.hpp>
#include <multiprocessing/errors.hpp>

#include "process/birth_ticket.hpp"
#include "process/bootstrap.hpp"
#include "process/fork_server.hpp"
#include "process/launch_anew.hpp"
#include "process/log.hpp"
#include "process/notice.hpp"
#include "process/start_method.hpp"
#include "shm/descriptor.hpp"
#include "shm/process_table.hpp"
#include "sys/crash_point.hpp"
#include "sys/exit.hpp"
#include "sys/streams.hpp"
#include "sys/surroundings.hpp"

namespace multiprocessing {
namespace process {
namespace {

constexpr int kFailed = 1;
constexpr const char* kWhatToAdd =
    "add `multiprocessing::freeze_support(argc, argv);` as the first line of main(int argc, char** "
    "argv)";

// relaxed throughout: main's thread writes before it starts others
constinit std::atomic<bool> frozen{false};   // main() has called freeze_support
constinit std::atomic<bool> carried{false};  // a ticket was met, and is not followed yet

[[noreturn]] void end_forgetful() noexcept {
  notice(std::string("this process was started by start method spawn or forkserver, but the "
                     "program did not call freeze_support: ") +
         kWhatToAdd);
  shm::record_exit(kFailed);
  std::_Exit(kFailed);
}

// The last thing of all in a process that has a ticket.
void at_end(int status) {
  if (carried.load(std::memory_order_relaxed)) end_forgetful();
  record_end(status);
}

[[noreturn]] void end_because_of(const std::exception_ptr& exception) noexcept {
  report_exception("started by spawn or forkserver", exception);
  std::_Exit(kFailed);
}

void meet_ticket() noexcept {
  try {
    if (shm::inherited_ticket() == nullptr) return;
    carried.store(true, std::memory_order_relaxed);
    sys::install_exit_witness(at_end);
    (void)shm::self();
    MULTIPROCESSING_CRASH_POINT("process.newborn.named");
  } catch (...) {
    end_because_of(std::current_exception());
  }
}

// Before main(), wherever the library is first used.
const bool at_load = (meet_ticket(), true);

// Streams that came beside the ticket, in the order of its bits.
void take_streams(Newborn& newborn, const std::vector<int>& streams) {
  std::size_t next = 0;
  auto& settings = newborn.settings;
  unsigned bit = 1;
  for (auto* stream : {&settings.stdin_, &settings.stdout_, &settings.stderr_}) {
    if ((newborn.streams & bit) != 0 && next < streams.size()) {
      stream->emplace(FileDescriptor(streams[next++]));
    }
    bit <<= 1U;
  }
}

[[noreturn]] void follow(const shm::Ticket& ticket) noexcept {
  try {
    detail::Reader message(ticket.bytes());
    Newborn newborn = read_ticket(message);
    MULTIPROCESSING_CRASH_POINT("process.newborn.read");
    for (const int fd : {kSentinelAt, kSocketAt, kStorePutAt, kStoreTakeAt}) {
      sys::close_on_exec(fd);
    }
    if (newborn.kind != TicketKind::fork_server) const sys::UniqueFd unused(kSocketAt);
    if (!newborn.birth.has_sentinel) const sys::UniqueFd unused(kSentinelAt);
    newborn.birth.parent_sentinel = newborn.birth.has_sentinel ? kSentinelAt : -1;
    shm::adopt_descriptor_store(sys::UniqueFd(kStorePutAt), sys::UniqueFd(kStoreTakeAt));
    newborn.birth.own_program = true;
    newborn.birth.environment.clear();  // it came with the execution
    newborn.birth.directory.clear();
    std::vector<int> streams;  // they are in their places
    for (int fd = 0; fd < 3; ++fd) {
      if ((newborn.streams >> static_cast<unsigned>(fd) & 1U) != 0) streams.push_back(fd);
    }
    take_streams(newborn, streams);
    newborn.birth.settings = &newborn.settings;
    if (newborn.kind == TicketKind::process) {
      newborn.birth.first = [&message] { take_log_heritage(message); };
    }
    bootstrap(newborn.birth, [&] {
      if (newborn.kind == TicketKind::fork_server) {
        has_decoded();
        serve(kSocketAt, ticket.head().cookie);
      }
      return newborn.work(message);
    });
  } catch (...) {
    end_because_of(std::current_exception());
  }
}

}  // namespace

void has_decoded() {
  shm::leave_given_holds();
  MULTIPROCESSING_CRASH_POINT("process.newborn.held");
}

void be_newborn(const shm::Ticket& ticket, sys::UniqueFd sentinel,
                std::vector<sys::UniqueFd> streams) noexcept {
  try {
    detail::Reader message(ticket.bytes());
    Newborn newborn = read_ticket(message);
    if (newborn.birth.has_sentinel) newborn.birth.parent_sentinel = sentinel.release();
    sentinel.reset();
    std::vector<int> numbers;
    numbers.reserve(streams.size());
    for (const auto& stream : streams) numbers.push_back(stream.get());
    take_streams(newborn, numbers);
    streams.clear();
    newborn.birth.settings = &newborn.settings;
    newborn.birth.first = [&message] { take_log_heritage(message); };
    bootstrap(newborn.birth, [&] {
      newborn.settings = {};  // the streams are in their places
      return newborn.work(message);
    });
  } catch (...) {
    end_because_of(std::current_exception());
  }
}

void require_freeze_support(StartMethod method) {
  if (frozen.load(std::memory_order_relaxed)) return;
  throw ValueError(
      std::string("start method '") + name_of(method) +
      "' executes this program anew, and main() has not called freeze_support: " + kWhatToAdd);
}

}  // namespace process

void freeze_support(int /*argc*/, char** /*argv*/) {
  process::frozen.store(true, std::memory_order_relaxed);
  if (!process::carried.exchange(false, std::memory_order_relaxed)) return;
  process::follow(*shm::inherited_ticket());
}

}  // namespace multiprocessing
