#include "manager/sharing.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <utility>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include "shm/arena.hpp"
#include "shm/join.hpp"
#include "sys/crash_point.hpp"
#include "sys/machine.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"
#include "sys/socket_pair.hpp"

namespace multiprocessing::manager {
namespace {

constexpr std::size_t kDescriptors = 3;

shm::ArenaFile arena_of(const Hello& hello) {
  return {.device = hello.arena_device, .inode = hello.arena_inode};
}

std::string why_not(const Hello& hello, const Connection& client) {
  if (sys::bound_address(client.fileno()).family() != AF_UNIX) {
    return "it comes through a network";
  }
  const sys::Peer peer = sys::peer_of(client.fileno());
  if (peer.pid == 0 || !sys::is_own_user(peer.uid)) {
    return "it is another user's: uid " + std::to_string(peer.uid) + ", the manager's is " +
           std::to_string(::geteuid());
  }
  if (peer.pid != hello.pid || hello.pid_namespace != sys::pid_namespace()) {
    return "it lives in another pid namespace";
  }
  if (hello.layout_id != shm::layout_id()) {
    return layouts_differ(hello.layout_id, shm::layout_id());
  }
  if (!hello.wants_to_share) return "it did not want to";
  if (hello.has_arena && arena_of(hello) != shm::own_arena()) {
    return "it had used shared memory of its own before it connected: let connect() come before "
           "the first Queue, Lock, Process and the like, and start the program anew to connect to "
           "another manager";
  }
  return {};
}

}  // namespace

Welcome offer_for(const Hello& hello, const Connection& client) {
  Welcome welcome{.layout_id = shm::layout_id(), .boot_id = sys::boot_id()};
  welcome.why_not = why_not(hello, client);
  if (!welcome.why_not.empty()) return welcome;
  if (hello.has_arena) {
    welcome.sharing = Sharing::the_same;
    return welcome;
  }
  welcome.sharing = Sharing::offered;
  welcome.descriptors = shm::family_descriptors()[1] < 0 ? 1 : kDescriptors;
  return welcome;
}

void send_descriptors(const Connection& client, std::size_t count) {
  const auto descriptors = shm::family_descriptors();
  for (std::size_t i = 0; i < count; ++i) {
    send_handle(client, descriptors[i]);
    MULTIPROCESSING_CRASH_POINT("manager.offer.sent");
  }
}

void throw_not_shared(const std::string& what, const std::string& why_not) {
  throw TransferError(
      what + " lies in the manager's memory, which this program does not share: " + why_not);
}

void require_shared(const detail::ManagedType& type, const std::string& why_not) {
  if (type.encode == nullptr) {
    throw ValueError("a " + type.type.name + " can be had as a Proxy only");
  }
  if (why_not.empty()) return;
  throw_not_shared("'" + type.name + "', a " + type.type.name + ",", why_not);
}

Hello own_hello(bool wants_to_share) {
  Hello hello{.layout_id = shm::layout_id(),
              .pid = sys::current_pid(),
              .pid_namespace = sys::pid_namespace(),
              .wants_to_share = wants_to_share,
              .has_arena = shm::has_arena()};
  if (hello.has_arena) {
    const shm::ArenaFile arena = shm::own_arena();
    hello.arena_device = arena.device;
    hello.arena_inode = arena.inode;
  }
  return hello;
}

namespace {

sys::UniqueFd receive_one(const Connection& manager, Timeout timeout) {
  if (!manager.poll(timeout))
    throw TimeoutError("the manager did not hand over its memory in time");
  return sys::UniqueFd(recv_handle(manager));
}

}  // namespace

std::string accept_offer(const Welcome& offer, const Connection& manager, Timeout timeout) {
  if (offer.sharing == Sharing::the_same) return {};
  if (offer.sharing == Sharing::no) return offer.why_not;
  send_greeting(manager, Go{});
  std::array<sys::UniqueFd, kDescriptors> descriptors;
  for (std::size_t i = 0; i < offer.descriptors && i < kDescriptors; ++i) {
    descriptors[i] = receive_one(manager, timeout);
  }
  MULTIPROCESSING_CRASH_POINT("manager.offer.received");
  std::string why_not;
  try {
    shm::join_family(std::move(descriptors));
  } catch (const std::exception& error) {
    why_not = error.what();
  }
  send_greeting(manager, Joined{.done = why_not.empty()});
  return why_not;
}

}  // namespace multiprocessing::manager
