#pragma once

// A connection through the arena: this process's hold on one end of a pipe (end.hpp).

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/queue_bytes.hpp>

#include "connection/end.hpp"
#include "connection/lookout.hpp"
#include "connection/transport.hpp"

namespace multiprocessing::connection {

class RingTransport final : public Transport {
 public:
  /// Requires a hold on the end. \throws ValueError if its queues are gone.
  explicit RingTransport(multiprocessing::detail::Handle end);
  ~RingTransport() override;

  void send(std::span<const std::byte> message) override;
  void send(multiprocessing::detail::OutgoingMessage& message) override;
  Received receive(multiprocessing::detail::IncomingMessage& message, Timeout timeout,
                   std::size_t maxlength) override;
  bool poll(Timeout timeout) override;
  int fileno() override;
  void add_to(multiprocessing::detail::WaitSet& set) override;
  multiprocessing::detail::HandleId id() override;
  void send_descriptor(int fd) override;
  sys::UniqueFd receive_descriptor() override;

  /// Those who wait at the other side with a descriptor look again.
  void ring_peer() noexcept;
  /// The hold is this process's own: not so in a forked child that was given none.
  [[nodiscard]] bool held_here() const noexcept;
  /// Counts this process as forked: each transport then asks once whether it is held here.
  static void count_fork() noexcept;

 private:
  using Queue = std::optional<multiprocessing::detail::ByteQueue>;

  void close_end() noexcept override;
  /// The hold was found to be this process's own, since its last fork.
  [[nodiscard]] bool is_known_here() const noexcept;
  /// \throws std::system_error (EBADF) in a process that does not hold the end.
  void require_held();
  /// Buries those who held the other end and have died. That ends the connection, if they were the
  /// last ones: whatever follows from it stands in the queues afterwards.
  void look_after_peer() noexcept;
  /// After a look in vain, before the second one: likewise, and brings the descriptor up to date.
  void look_behind() noexcept;
  /// \throws std::system_error (EPIPE) if the message was put, and dropped by those who ended the
  /// connection.
  void require_kept();

  const shm::ObjectId id_;
  const shm::ObjectId peer_;
  multiprocessing::detail::Handle end_;  // let go of by `close`
  Queue in_;
  Queue out_;
  std::atomic<Lookout*> lookout_{nullptr};  // made at the first `fileno`
  std::atomic<std::int64_t> looked_{0};     // when the peer's life was asked for; a guess
  std::atomic<std::int64_t> searched_{0};   // when that of the whole family was; a guess
  std::atomic<std::uint32_t> epoch_;        // of forks, when the hold was last known to be ours
};

/// This process's transport for an end; makes it unless it has an open one.
/// \throws ValueError if the end is gone.
std::shared_ptr<RingTransport> ring_transport(shm::ObjectId end);

/// In a process that was forked to work for others: lets go of all ends that it has inherited.
void close_inherited_ends() noexcept;

}  // namespace multiprocessing::connection
