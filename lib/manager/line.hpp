#pragma once

// One connection to a manager, for one call at a time.
//
// Death: of this process: the manager learns it from the connection's end, and takes back what a
// call took and was not said to have arrived.
// Points: manager.call.sent .answered .taken

#include <cstdint>
#include <memory>

#include <multiprocessing/connection.hpp>

#include "manager/protocol.hpp"

namespace multiprocessing::manager {

class Link;
struct Presence;

class Line {
 public:
  Line(std::shared_ptr<Link> link, std::shared_ptr<Presence> presence, Connection connection)
      : link_(std::move(link)),
        presence_(std::move(presence)),
        connection_(std::move(connection)) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  /// Gives the connection back for the next call, unless a call was left in its middle.
  ~Line();

  void send(std::span<const std::byte> request);
  /// What needs no answer.
  void send_note(Operation operation);
  /// \throws EOFError naming the manager if it has ended; TimeoutError.
  [[nodiscard]] Bytes receive(Timeout timeout = {});
  /// This process holds the object in the manager; a forked child takes it on at its first call.
  void ensure_held(std::uint64_t number);

 private:
  std::shared_ptr<Link> link_;
  std::shared_ptr<Presence> presence_;
  Connection connection_;
  bool in_call_ = false;
};

}  // namespace multiprocessing::manager
