#pragma once

// What the copies of a BaseManager in one process share: what is registered, and what this process
// is to the manager: its server, its parent, or a client.
//
//   initial --connect--> client --connect--> client
//   initial --start--> parent --shutdown--> over
//   initial --get_server--> server
//
// Death: of the process that started one: the manager's process ends with it (Process, the life
// pipe); of a started manager: `join` and `shutdown` tell.

#include <memory>
#include <optional>

#include <multiprocessing/detail/base_manager.hpp>
#include <multiprocessing/process.hpp>

#include "connection/process_lock.hpp"
#include "manager/link.hpp"
#include "manager/server_state.hpp"

namespace multiprocessing::manager {

class ManagerState {
 public:
  ManagerState(Address address, ManagerOptions options);
  ManagerState(const ManagerState&) = delete;
  ManagerState& operator=(const ManagerState&) = delete;
  ~ManagerState();

  [[nodiscard]] Registry& registry() const noexcept { return *registry_; }
  void start(const std::function<void()>& initializer);
  void connect();
  [[nodiscard]] std::shared_ptr<ServerState> serve();
  void shutdown();
  bool join(Timeout timeout);

  [[nodiscard]] std::shared_ptr<Link> link();
  [[nodiscard]] Address address();

 private:
  enum class Is : std::uint8_t { initial, client, parent, server, over };

  void require(bool right, const char* call) const;
  void end_process() noexcept;
  std::shared_ptr<Link> open_link();

  ManagerOptions options_;
  std::string authkey_;
  std::shared_ptr<Registry> registry_;
  connection::ProcessLock lock_;  // guards what follows
  Address address_;
  Is is_ = Is::initial;
  std::shared_ptr<Link> link_;
  std::optional<Process> process_;
  std::int32_t parent_ = 0;
};

}  // namespace multiprocessing::manager
