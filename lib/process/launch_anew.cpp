#include "process/launch_anew.hpp"

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <multiprocessing/errors.hpp>
#include <multiprocessing/process.hpp>

#include "process/birth_ticket.hpp"
#include "process/fork_server.hpp"
#include "process/local.hpp"
#include "shm/arena.hpp"
#include "shm/descriptor.hpp"
#include "shm/ticket.hpp"
#include "sys/crash_point.hpp"
#include "sys/program_signals.hpp"
#include "sys/rights.hpp"
#include "sys/spawn.hpp"
#include "sys/streams.hpp"

namespace multiprocessing::process {
namespace {

constexpr std::uint64_t kSigintBit = std::uint64_t{1} << (SIGINT - 1);

sys::SpawnPlan plan_for(const Birth& birth) {
  sys::SpawnPlan plan;
  // Until the child ignores it.
  const std::uint64_t extra = birth.ignore_sigint ? kSigintBit : 0;
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): there is no fork from the program
  plan.mask = sys::signals_of(birth.program_signals->blocked | extra);
  if (birth.settings == nullptr) return plan;
  plan.own_group = birth.settings->new_group;
  const std::array streams{&birth.settings->stdin_, &birth.settings->stdout_,
                           &birth.settings->stderr_};
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (const auto& stream = *streams[i]) plan.streams[i] = stream->fileno();
  }
  return plan;
}

StreamBits streams_in(const sys::SpawnPlan& plan) noexcept {
  StreamBits bits = 0;
  for (std::size_t i = 0; i < plan.streams.size(); ++i) {
    if (plan.streams[i] >= 0) bits = static_cast<StreamBits>(bits | 1U << i);
  }
  return bits;
}

// A program with more rights than its user believes nothing that its environment says: it would
// not follow the ticket, but become a main process.
void require_plain_rights(const char* method) {
  if (!sys::gains_rights_by_exec()) return;
  throw ValueError(std::string("start method '") + method +
                   "' executes this program anew, and it would run with more rights than its user "
                   "(AT_SECURE: set-user-ID or set-group-ID, capabilities, or real and effective "
                   "ids that differ): use start method fork");
}

// Seals the ticket and executes.
pid_t execute(sys::SpawnPlan& plan, detail::Writer& ticket, const shm::ChildSlot& slot,
              const shm::Cookie& cookie, int sentinel, int socket) {
  shm::TicketHead head = shm::ticket_head(slot.name(), cookie, 0);
  head.arena_fd = kArenaAt;
  head.life_fd = kLifeAt;
  const sys::UniqueFd sealed = seal_ticket(ticket, head);
  MULTIPROCESSING_CRASH_POINT("process.spawn.sealed");
  plan.descriptors = {sealed.get(), shm::arena().fd(), slot.life_fd()};
  // Where there is none the ticket stands in; nobody looks, or sees that it is no socket.
  const auto store = shm::descriptor_store();
  for (const int fd : {sentinel, socket, store[0], store[1]}) {
    plan.descriptors.push_back(fd >= 0 ? fd : sealed.get());
  }
  plan.variable = shm::ticket_variable(kTicketAt, cookie);
  const pid_t pid = sys::spawn_self(plan);
  MULTIPROCESSING_CRASH_POINT("process.spawn.executed");
  return pid;
}

}  // namespace

ProgramSignals program_signals() noexcept {
  return {sys::program_ignores(), sys::program_blocks(sys::own_mask())};
}

Expected::Expected(const LaunchOptions& options, Child::Origin origin, const detail::Writer& ticket)
    : child(std::make_shared<Child>(slot.name(), options.title, origin, options.daemon,
                                    options.settings != nullptr && options.settings->new_group)) {
  if (!options.parent.nobody()) {
    // relaxed: the slot is nobody else's yet, and who looks at it checks what follows from this
    shm::slot_at(slot.name().slot)
        .parent.store(shm::pack_name(options.parent), std::memory_order_relaxed);
  }
  std::vector<std::uint64_t> objects;
  for (const detail::HandleId id : ticket.handles()) objects.push_back(id.value);
  slot.give_holds(objects);
  MULTIPROCESSING_CRASH_POINT("process.spawn.claimed");
}

Launched spawn(const LaunchOptions& options, const Work& work) {
  require_plain_rights("spawn");
  Birth birth = plan_birth(options);
  birth.program_signals = program_signals();
  sys::SpawnPlan plan = plan_for(birth);
  detail::Writer ticket;
  write_ticket(ticket, TicketKind::process, birth, streams_in(plan), &work);
  Expected expected(options, Child::Origin::forked_here, ticket);
  sys::flush_standard_streams();
  const pid_t pid =
      execute(plan, ticket, expected.slot, shm::make_cookie(), birth.parent_sentinel, -1);
  expected.slot.forked(pid);
  expected.child->born(pid);
  return Launched(std::move(expected.child));
}

std::shared_ptr<Child> spawn_server(int socket, const shm::Cookie& cookie) {
  require_plain_rights("forkserver");
  LaunchOptions options;
  options.title = "multiprocessing.forkserver";
  options.path = "forkserver";
  options.life_pipe_read_fd = own_life_pipe_read_end();
  options.ignore_sigint = true;
  Birth birth = plan_birth(options);
  birth.program_signals = program_signals();
  sys::SpawnPlan plan = plan_for(birth);
  detail::Writer ticket;
  write_ticket(ticket, TicketKind::fork_server, birth, 0, nullptr);
  Expected expected(options, Child::Origin::forked_here, ticket);
  const pid_t pid = execute(plan, ticket, expected.slot, cookie, birth.parent_sentinel, socket);
  expected.slot.forked(pid);
  expected.child->born(pid);
  return std::move(expected.child);
}

}  // namespace multiprocessing::process
