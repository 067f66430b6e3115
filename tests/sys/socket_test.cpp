// Local and network sockets by the calls of this folder, with the kernel's refusals injected.

#include "sys/socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

#include "sys/calls.hpp"
#include "sys/errors.hpp"

namespace multiprocessing::sys {
namespace {

using test::expect_system_error;

std::string fresh_name() {
  static int count = 0;
  return std::string(1, '\0') + "socket_test." + std::to_string(::getpid()) + "." +
         std::to_string(++count);
}

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct Connected {
  UniqueFd client;
  UniqueFd server;
};

Connected connect_pair(const SocketAddress& asked) {
  const UniqueFd listening = make_listening_socket(asked, 5, "here");
  UniqueFd client = make_socket(asked.family());
  const Connecting begun =
      start_connect(client.get(), bound_address(listening.get()), kForever, "here");
  if (begun == Connecting::later) {
    pollfd writable{.fd = client.get(), .events = POLLOUT, .revents = 0};
    ::poll(&writable, 1, -1);
    finish_connect(client.get(), "here");
  }
  SocketAddress from;
  UniqueFd server = accept_socket(listening.get(), from);
  while (!server) server = accept_socket(listening.get(), from);
  return {std::move(client), std::move(server)};
}

TEST(SocketAddressTest, PathAndAbstractNameComeBackAsTheyWent) {
  for (const std::string& name : {std::string("/tmp/a path"), std::string("\0abstract\0", 10),
                                  std::string(107, 'x'), '\0' + std::string(107, 'y')}) {
    EXPECT_EQ(local_name(local_address(name, "bind")), name);
  }
}

TEST(SocketAddressTest, NameThatIsTooLongIsRefusedWithBothLengths) {
  expect_system_error(ENAMETOOLONG,
                      "connect: the name of a local socket has 108 bytes, at most 107",
                      [] { static_cast<void>(local_address(std::string(108, 'x'), "connect")); });
  EXPECT_THROW(static_cast<void>(local_address('\0' + std::string(108, 'x'), "bind")),
               std::system_error);
}

TEST(SocketAddressTest, HostAndPortComeBackAsNumbers) {
  const HostAndPort four = host_and_port(resolve("127.0.0.1", 6000, AF_INET));
  const HostAndPort any = host_and_port(resolve("", 0, AF_INET));
  const HostAndPort six = host_and_port(resolve("::1", 6001, AF_INET6));

  EXPECT_EQ(four.host, "127.0.0.1");
  EXPECT_EQ(four.port, 6000);
  EXPECT_EQ(any.host, "0.0.0.0");
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.port, 6001);
}

TEST(SocketAddressTest, UnknownHostNamesItselfAndTheCall) {
  try {
    static_cast<void>(resolve("300.1.2.3.invalid", 1, AF_INET));
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(std::string(error.what()).rfind("getaddrinfo: 300.1.2.3.invalid: ", 0), 0U)
        << error.what();
  }
}

TEST(SocketTest, BytesGoBothWaysOverAnAbstractName) {
  const Connected pair = connect_pair(local_address(fresh_name(), "bind"));
  std::size_t count = 0;
  std::array<std::byte, 16> into{};

  EXPECT_EQ(send_some(pair.client.get(), bytes("head"), bytes("body"), count), Transfer::some);
  EXPECT_EQ(count, 8U);
  EXPECT_EQ(receive_some(pair.server.get(), into, count), Transfer::some);
  EXPECT_EQ(std::memcmp(into.data(), "headbody", count), 0);
  EXPECT_EQ(receive_some(pair.client.get(), into, count), Transfer::not_now);
}

TEST(SocketTest, BytesGoOverTheLoopback) {
  const Connected pair = connect_pair(resolve("127.0.0.1", 0, AF_INET));
  std::size_t count = 0;
  std::array<std::byte, 4> into{};
  send_without_delay(pair.server.get());

  EXPECT_EQ(send_some(pair.server.get(), bytes("x"), {}, count), Transfer::some);
  pollfd readable{.fd = pair.client.get(), .events = POLLIN, .revents = 0};
  ::poll(&readable, 1, -1);

  EXPECT_EQ(receive_some(pair.client.get(), into, count), Transfer::some);
  EXPECT_EQ(::fcntl(pair.client.get(), F_GETFL) & O_NONBLOCK, 0) << "blocking again";
}

TEST(SocketTest, SocketsAreCloseOnExec) {
  const Connected pair = connect_pair(local_address(fresh_name(), "bind"));

  EXPECT_EQ(::fcntl(pair.client.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(pair.server.get(), F_GETFD), FD_CLOEXEC);
}

TEST(SocketTest, PeerThatIsGoneIsTheEndForReadersAndEpipeForWriters) {
  Connected pair = connect_pair(local_address(fresh_name(), "bind"));
  pair.server.reset();
  std::size_t count = 0;
  std::array<std::byte, 4> into{};

  EXPECT_EQ(receive_some(pair.client.get(), into, count), Transfer::end);
  expect_system_error(EPIPE, "send", [&] {
    static_cast<void>(send_some(pair.client.get(), bytes("x"), {}, count));
  });
}

TEST(SocketTest, NameInUseIsNamed) {
  const std::string name = fresh_name();
  const UniqueFd first = make_listening_socket(local_address(name, "bind"), 1, "b'first'");

  expect_system_error(EADDRINUSE, "bind: b'first'", [&] {
    static_cast<void>(make_listening_socket(local_address(name, "bind"), 1, "b'first'"));
  });
}

TEST(SocketTest, NobodyAtAnAddressIsAConnectionRefused) {
  const UniqueFd client = make_socket(AF_UNIX);

  expect_system_error(ECONNREFUSED, "connect: there", [&] {
    static_cast<void>(
        start_connect(client.get(), local_address(fresh_name(), "connect"), kForever, "there"));
  });
}

TEST(SocketTest, ConnectToAFullLocalBacklogEndsWithTheDeadline) {
  const SocketAddress address = local_address(fresh_name(), "bind");
  const UniqueFd listening = make_listening_socket(address, 0, "here");
  const UniqueFd first = make_socket(AF_UNIX);
  ASSERT_EQ(start_connect(first.get(), address, kForever, "here"), Connecting::done);
  const UniqueFd second = make_socket(AF_UNIX);

  EXPECT_EQ(start_connect(second.get(), address, deadline_after(20'000'000), "here"),
            Connecting::timed_out);
}

TEST(SocketTest, ConnectionThatFellThroughIsNotAnErrorOfTheListener) {
  const UniqueFd listening = make_listening_socket(local_address(fresh_name(), "bind"), 1, "here");
  SocketAddress from;
  EXPECT_FALSE(accept_socket(listening.get(), from)) << "nobody came";
  const ScopedCall gone(&Calls::accept4, [](int, sockaddr*, socklen_t*, int) {
    errno = ECONNABORTED;
    return -1;
  });
  EXPECT_FALSE(accept_socket(listening.get(), from));
}

TEST(SocketTest, NoMoreDescriptorsIsAnError) {
  const ScopedCall full(&Calls::accept4, [](int, sockaddr*, socklen_t*, int) {
    errno = EMFILE;
    return -1;
  });
  SocketAddress from;

  expect_system_error(EMFILE, "accept4", [&] { static_cast<void>(accept_socket(0, from)); });
}

TEST(SocketTest, InterruptionsAreTold) {
  const ScopedCall interrupted(&Calls::recv, [](int, void*, std::size_t, int) -> ssize_t {
    errno = EINTR;
    return -1;
  });
  std::array<std::byte, 4> into{};
  std::size_t count = 7;

  EXPECT_EQ(receive_some(0, into, count), Transfer::interrupted);
  EXPECT_EQ(count, 0U);
}

TEST(BellTest, IsReadableOnceRung) {
  const UniqueFd bell = make_bell();
  pollfd readable{.fd = bell.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&readable, 1, 0), 0);

  ring(bell.get());

  EXPECT_EQ(::poll(&readable, 1, 0), 1);
}

}  // namespace
}  // namespace multiprocessing::sys
