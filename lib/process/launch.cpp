#include "process/launch.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <utility>

#include "process/bootstrap.hpp"
#include "process/current.hpp"
#include "process/fork_server.hpp"
#include "process/launch_anew.hpp"
#include "process/local.hpp"
#include "process/log.hpp"
#include "process/notice.hpp"
#include "process/start_method.hpp"
#include "shm/process_table.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::process {
namespace {

std::array<std::atomic<Preparation>, 4> preparations{};

void prepare_for_child() noexcept {
  for (const auto& each : preparations) {
    if (const Preparation prepare = each.load(std::memory_order_acquire)) prepare();
  }
}

// Runs in the child of a fork.
[[noreturn]] void begin(shm::ChildSlot& slot, const Birth& birth, bool inherit_holds,
                        const std::function<int()>& body) noexcept {
  MULTIPROCESSING_CRASH_POINT("process.child.born");
  slot.become(birth.title, inherit_holds);
  MULTIPROCESSING_CRASH_POINT("process.child.became");
  bootstrap(birth, body);
}

}  // namespace

void before_children(Preparation prepare) noexcept {
  for (auto& each : preparations) {
    Preparation none = nullptr;
    if (each.compare_exchange_strong(none, prepare, std::memory_order_acq_rel)) return;
  }
  std::abort();
}

Birth plan_birth(const LaunchOptions& options) {
  const bool own = options.parent.nobody() || options.parent == shm::self();
  Birth birth;
  birth.title = options.title;
  birth.path = options.path.empty() ? next_path() : options.path;
  if (own) {
    birth.parent = {shm::self(), sys::current_pid(), current_title()};
  } else {
    birth.parent = {options.parent, shm::pid_of(options.parent), shm::title_of(options.parent)};
  }
  birth.parent_sentinel = options.life_pipe_read_fd;
  if (own && birth.parent_sentinel < 0) birth.parent_sentinel = own_life_pipe_read_end();
  birth.has_sentinel = birth.parent_sentinel >= 0;
  birth.dies_with_parent = options.life_pipe_read_fd >= 0;
  birth.ignore_sigint = options.ignore_sigint;
  birth.daemon = options.daemon;
  birth.listed_worker = options.listed_worker;
  birth.settings = options.settings;
  return birth;
}

Launched launch(const LaunchOptions& options, const std::function<int()>& body) {
  warn_about_threads();
  if (options.inherit_ends) prepare_for_child();
  Birth birth = plan_birth(options);
  shm::ChildSlot slot(options.inherit_holds && options.inherit_ends ? shm::Inherits::all_holds
                                                                    : shm::Inherits::shared_holds);
  if (!options.parent.nobody()) {
    // relaxed: the slot is nobody else's yet, and who looks at it checks what follows from this
    shm::slot_at(slot.name().slot)
        .parent.store(shm::pack_name(options.parent), std::memory_order_relaxed);
  }
  if (!options.inherit_ends) {
    shm::slot_at(slot.name().slot).flags.fetch_or(shm::kBystander, std::memory_order_relaxed);
  }
  const bool own_group = options.settings != nullptr && options.settings->new_group;
  auto child = std::make_shared<Child>(slot.name(), options.title, Child::Origin::forked_here,
                                       options.daemon, own_group);
  MULTIPROCESSING_CRASH_POINT("process.start.claimed");
  sys::flush_standard_streams();
  sys::prepare_titles();
  pid_t pid = -1;
  {
    // No handler of the program's runs in the child before the child is itself.
    const Launching launching;
    const sys::BlockedSignals blocked;
    birth.signal_mask = blocked.before();
    pid = sys::fork_process();
    if (pid == 0) begin(slot, birth, options.inherit_holds, body);
  }
  MULTIPROCESSING_CRASH_POINT("process.start.forked");
  slot.forked(pid);
  if (is_logged(LogLevel::debug)) {
    note(LogLevel::debug, "started " + options.title + ", pid " + std::to_string(pid));
  }
  if (own_group) sys::lead_own_group(pid);
  child->born(pid);
  return Launched(std::move(child));
}

Launched launch(StartMethod method, const LaunchOptions& options, const Work& work) {
  if (method == StartMethod::fork) return launch(options, work.here);
  require_freeze_support(method);
  return method == StartMethod::spawn ? spawn(options, work) : launch_by_server(options, work);
}

int own_life_pipe_read_end() {
  Local& mine = local();
  const std::lock_guard guard(mine.lock);
  if (!mine.life.read) {
    sys::Pipe life = sys::make_pipe();
    sys::let_reopen_for_reading(life);  // by a child of whichever rights: sys::die_with
    mine.life = std::move(life);
  }
  return mine.life.read.get();
}

}  // namespace multiprocessing::process
