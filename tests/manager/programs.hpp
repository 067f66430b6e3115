#pragma once

// Programs that did not start each other, for tests: each is forked from the test before that has
// used any shared memory, and never executes what another one does.
//
//   test::Programs programs;
//   programs.serve([](const BaseManager& manager) { manager.register_type<Queue<int>>("jobs"); });
//   programs.run([](const BaseManager& manager) { manager.get<Queue<int>>("jobs").put(1); });

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <multiprocessing/managers.hpp>

#include "support/child.hpp"

namespace multiprocessing::test {

/// Of the managers here.
inline constexpr const char* kManagerKey = "a key of the tests";
std::uint64_t own_pid_namespace();

using WithManager = std::function<void(const BaseManager&)>;

class Programs {
 public:
  /// At a fresh address of this kind.
  explicit Programs(const Address& address = fresh_path());
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;
  ~Programs();  // kills the servers and removes their path

  static Address fresh_path();
  static Address fresh_name();
  static Address some_port();

  /// A program that serves what `prepare` registers; returns once it can be connected to.
  Child& serve(const WithManager& prepare);
  /// The same at the address of the last one.
  [[nodiscard]] Child serve_again(const WithManager& prepare) const;

  /// A program that has connected, and does `body`.
  [[nodiscard]] Child start(const WithManager& body) const;
  /// The same, and waits until it has ended well.
  void run(const WithManager& body) const;

  /// A program that has used memory of its own before it connected: it has proxies only.
  [[nodiscard]] Child start_apart(const WithManager& body) const;
  void run_apart(const WithManager& body) const;

  /// For who connects by himself.
  [[nodiscard]] BaseManager manager() const;
  [[nodiscard]] Address address() const { return address_; }
  [[nodiscard]] Child& server() { return servers_.back(); }

 private:
  Address address_;
  std::vector<Child> servers_;
};

/// What a call throws, as text: "ValueError: ...".
std::string error_of(const std::function<void()>& call);

}  // namespace multiprocessing::test
