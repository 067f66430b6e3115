#pragma once

// A manager at work: it listens, and each of its clients' connections has a thread of its own.
//
//   open --serve--> serving --stop--> stopping: nobody is let in, all connections are cut off
//
// Invariants
//   I1  Nobody is served before he has shown that he knows the key (Listener), and has greeted in
//       time (kGreetingTime): a silent client costs one thread for that long.
//   I2  `sessions_` names a session while one of its connections is there.
//
// Death: the kernel closes the sockets, which no child has, and each client's call ends with
// EOFError. A path stays behind; the next manager to serve there finds that nobody listens and
// takes it (bind.hpp).

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/detail/managed.hpp>

#include "manager/objects.hpp"
#include "manager/protocol.hpp"

namespace multiprocessing::manager {

/// What is registered, by name.
class Registry {
 public:
  /// \throws ValueError if the name is taken.
  void add(detail::ManagedType type);
  /// \throws ValueError naming what there is.
  [[nodiscard]] std::shared_ptr<const detail::ManagedType> find(const std::string& name) const;

 private:
  mutable std::mutex lock_;
  std::map<std::string, std::shared_ptr<const detail::ManagedType>> types_;
};

class ServerState : public std::enable_shared_from_this<ServerState> {
 public:
  /// \throws std::system_error naming bind.
  ServerState(const Address& address, std::string authkey,
              std::shared_ptr<const Registry> registry);
  ServerState(const ServerState&) = delete;
  ServerState& operator=(const ServerState&) = delete;
  ~ServerState();

  [[nodiscard]] const Address& address() const noexcept { return listener_.address(); }
  [[nodiscard]] const Registry& registry() const noexcept { return *registry_; }
  /// Where those on this machine are served, too; empty if `address` is local already.
  [[nodiscard]] std::string local_name() const;

  void serve();
  void stop() noexcept;

  [[nodiscard]] std::shared_ptr<Session> open_session(std::int32_t client);
  /// \throws ProcessError if there is none like that.
  [[nodiscard]] std::shared_ptr<Session> find_session(std::uint64_t id, const Secret& secret) const;

 private:
  void let_in(const Listener& listener);
  void begin(const Connection& client);
  void pause() noexcept;
  bool enter(int fd);
  void leave(int fd) noexcept;

  pid_t pid_;  // forked children do not have the listeners
  std::shared_ptr<const Registry> registry_;
  Listener listener_;
  std::optional<Listener> door_;
  Objects objects_;

  mutable std::mutex lock_;  // guards what follows
  std::condition_variable changed_;
  bool stopping_ = false;
  std::set<int> served_;
  std::uint64_t last_session_ = 0;
  mutable std::unordered_map<std::uint64_t, std::weak_ptr<Session>> sessions_;
};

}  // namespace multiprocessing::manager
