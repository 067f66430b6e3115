#include "manager/programs.hpp"

#include <unistd.h>

#include <array>
#include <exception>

#include <gtest/gtest.h>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/detail/exception.hpp>

#include "sys/machine.hpp"

namespace multiprocessing::test {
namespace {

int count = 0;

std::string fresh(const std::string& directory) {
  return directory + "multiprocessing-test-" + std::to_string(::getpid()) + "-" +
         std::to_string(++count);
}

}  // namespace

Address Programs::fresh_path() {
  return Address(fresh("/tmp/"));
}

Address Programs::fresh_name() {
  return Address(std::string(1, '\0') + fresh(""));
}

// A port that was free a moment ago, in a range that the kernel does not hand out.
Address Programs::some_port() {
  const Listener probe({"127.0.0.1", 0});
  const Address address = probe.address();
  probe.close();
  return address;
}

Programs::Programs(const Address& address) : address_(address) {}

Programs::~Programs() {
  servers_.clear();
  const std::string& path = address_.path();
  if (!path.empty() && path.front() != '\0') ::unlink(path.c_str());
}

BaseManager Programs::manager() const {
  return BaseManager(address_, {.authkey = kManagerKey});
}

Child Programs::serve_again(const WithManager& prepare) const {
  auto server = Child::run([&] {
    const BaseManager mine = manager();
    prepare(mine);
    const Server served = mine.get_server();
    hang_up();
    served.serve_forever();
  });
  server.await_hang_up();
  return server;
}

Child& Programs::serve(const WithManager& prepare) {
  servers_.push_back(serve_again(prepare));
  return servers_.back();
}

Child Programs::start(const WithManager& body) const {
  return Child::run([&] {
    const BaseManager mine = manager();
    mine.connect();
    body(mine);
  });
}

void Programs::run(const WithManager& body) const {
  EXPECT_EQ(start(body).wait(), exited(0));
}

Child Programs::start_apart(const WithManager& body) const {
  return Child::run([&] {
    const Event own;
    const BaseManager mine = manager();
    mine.connect();
    require(!mine.shares_memory());
    body(mine);
  });
}

void Programs::run_apart(const WithManager& body) const {
  EXPECT_EQ(start_apart(body).wait(), exited(0));
}

std::uint64_t own_pid_namespace() {
  return sys::pid_namespace();
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (...) {
    const auto error = std::current_exception();
    return detail::exception_name(error) + ": " + detail::exception_text(error);
  }
  return "nothing was thrown";
}

}  // namespace multiprocessing::test
