#include "process/bootstrap.hpp"

#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

#include <multiprocessing/process.hpp>

#include "process/current.hpp"
#include "process/launch.hpp"
#include "process/log.hpp"
#include "process/notice.hpp"
#include "process/settings.hpp"
#include "shm/family_end.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "sys/crash_point.hpp"
#include "sys/error.hpp"
#include "sys/exit.hpp"
#include "sys/interrupt.hpp"
#include "sys/program_signals.hpp"
#include "sys/spawn.hpp"
#include "sys/surroundings.hpp"
#include "sys/taken_signals.hpp"

// A task of an executor that throws one has it as its result, also in another process.
MULTIPROCESSING_EXCEPTION(multiprocessing::SystemExit);

namespace multiprocessing::process {
namespace {

constexpr int kSigint = 2;
constexpr int kFailed = 1;

// Who is the parent, and how its end is learned. The inherited read ends of others are closed.
void take_place(const Birth& birth) {
  Local& mine = local();
  mine.parent = birth.parent;
  mine.path = birth.path;
  mine.daemon = birth.daemon;
  mine.made = 0;
  mine.exit_handler = false;  // the parent's lies behind the barrier
  if (mine.parent_sentinel.get() != birth.parent_sentinel) {
    mine.parent_sentinel.reset(birth.parent_sentinel);
  }
  if (mine.life_of_parent.get() == birth.parent_sentinel) (void)mine.life_of_parent.release();
  mine.life_of_parent.reset();
  if (!birth.dies_with_parent) return;
  mine.binding = sys::die_with(birth.parent_sentinel);
  if (!mine.binding) sys::throw_errno("fcntl", "binding the process's life to its parent's");
}

void take_on_signals(const Birth& birth) {
  if (birth.program_signals) {
    constexpr std::uint64_t kSigintBit = std::uint64_t{1} << (kSigint - 1);
    const std::uint64_t extra = birth.ignore_sigint ? kSigintBit : 0;
    sys::take_on_program_signals(birth.program_signals->ignored | extra,
                                 birth.program_signals->blocked & ~extra);
  } else {
    sys::restore_program_signals(birth.signal_mask);
    sys::forget_taken_signals();
    sys::stop_interrupting();
    if (birth.ignore_sigint) sys::ignore_signal(kSigint);
  }
}

void be_born(const Birth& birth) {
  take_place(birth);
  MULTIPROCESSING_CRASH_POINT("process.child.bound");
  if (birth.listed_worker) {
    shm::own_slot().flags.fetch_or(kListedWorker, std::memory_order_release);
  }
  take_on_signals(birth);
  set_current_title(birth.title);
  if (!birth.environment.empty()) sys::replace_environment(birth.environment);
  if (!birth.directory.empty()) sys::change_directory(birth.directory);
  apply_settings(birth.settings);
}

int run_guarded(const Birth& birth, const std::function<int()>& body) noexcept {
  try {
    be_born(birth);
    if (birth.first) birth.first();
    note(LogLevel::info, "child process calling self.run()");
    return body();
  } catch (const SystemExit& request) {
    return request.code;
  } catch (...) {
    const std::exception_ptr exception = std::current_exception();
    // None: the thread ends itself (pthread_exit). Being the only one it ends the child, with
    // nothing wrong; to return from here would be fatal.
    if (!exception) std::exit(0);  // NOLINT(concurrency-mt-unsafe)
    report_exception(birth.title, exception);
    return kFailed;
  }
}

}  // namespace

// Exit handlers and static objects of the child's own are done with.
void record_end(int status) {
  if (is_logged(LogLevel::info)) {
    note(LogLevel::info, "process exiting with exitcode " + std::to_string(status & 0xFF));
  }
  shm::record_exit(status & 0xFF);
  shm::leave_single_holds();
  MULTIPROCESSING_CRASH_POINT("process.end.recorded");
  shm::end_of_process();
}

void bootstrap(const Birth& birth, const std::function<int()>& body) noexcept {
  try {
    if (!birth.own_program) sys::install_exit_barrier(record_end);
  } catch (...) {
    report_exception(birth.title, std::current_exception());
    std::_Exit(kFailed);
  }
  std::exit(run_guarded(birth, body));  // NOLINT(concurrency-mt-unsafe): the only thread
}

}  // namespace multiprocessing::process
