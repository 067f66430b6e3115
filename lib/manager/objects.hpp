#pragma once

// The objects that a manager keeps for its clients, by number, and who holds them.
//
// Invariants
//   I1  An object is here while a session counts it. A number is never used again.
//   I2  A call keeps its object by itself, so that a drop during the call ends nothing.
//
// Death: of a client: its session ends with its last connection, and drops what it holds; of the
// manager: everything is gone with it.

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include <multiprocessing/detail/managed.hpp>

#include "manager/deputy.hpp"
#include "manager/protocol.hpp"

namespace multiprocessing::manager {

struct ManagedObject {
  std::shared_ptr<void> object;
  detail::ManagedMethods methods;
  detail::ManagedClass type;
};

class Objects {
 public:
  /// Counted once.
  std::uint64_t add(ManagedObject object);
  /// Counts it once more; false if it is gone.
  bool keep(std::uint64_t number);
  void drop(std::uint64_t number, std::uint64_t times) noexcept;
  /// \throws ValueError if it is gone.
  [[nodiscard]] ManagedObject find(std::uint64_t number) const;

 private:
  struct Counted {
    ManagedObject managed;
    std::uint64_t count = 1;
  };

  mutable std::mutex lock_;
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, Counted> objects_;
};

/// One client process, and what it holds.
class Session {
 public:
  Session(Objects& objects, std::uint64_t id, Secret secret, std::int32_t client)
      : objects_(objects), id_(id), secret_(secret), deputy_(client) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const Secret& secret() const noexcept { return secret_; }

  /// What it holds in shared memory by its proxies.
  [[nodiscard]] Deputy& deputy() noexcept { return deputy_; }

  std::uint64_t give(ManagedObject object);
  /// \throws ValueError if it is gone.
  void adopt(std::uint64_t number);
  void drop(std::uint64_t number) noexcept;
  /// \throws ValueError if the session does not hold it.
  [[nodiscard]] ManagedObject find(std::uint64_t number) const;

  /// Whether the client shares the manager's memory, and if not, why.
  [[nodiscard]] std::string why_not_shared() const;
  void set_why_not_shared(std::string why);

 private:
  Objects& objects_;
  std::uint64_t id_;
  Secret secret_;
  Deputy deputy_;
  mutable std::mutex lock_;
  std::unordered_map<std::uint64_t, std::uint64_t> held_;
  std::string why_not_shared_ = "it has not joined yet";
};

}  // namespace multiprocessing::manager
