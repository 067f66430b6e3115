// Listeners and clients of this library: addresses, ends, time-outs, and who may wait for whom.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

#include "connection/raw_peer.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::abstract_name;

std::string text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The error's code, and that it begins with `call`.
std::error_code failure(const std::string& call, const auto& steps) {
  try {
    steps();
  } catch (const std::system_error& error) {
    EXPECT_EQ(std::string(error.what()).rfind(call, 0), 0U) << error.what();
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown; expected " << call;
  return {};
}

std::error_code system_code(int error) {
  return {error, std::system_category()};
}

class ListenerTest : public testing::TestWithParam<std::string> {
 protected:
  static Address fresh() {
    return GetParam() == "abstract" ? abstract_name("listener_test")
                                    : arbitrary_address(GetParam());
  }
};

TEST_P(ListenerTest, ClientThatSentAndClosedBeforeTheAcceptIsStillAccepted) {
  const Listener listener(fresh());
  {
    const Connection client = Client(listener.address());
    client.send(std::string("hello"));
    client.close();
  }

  const Connection served = listener.accept();

  EXPECT_EQ(served.recv<std::string>(), "hello");
  EXPECT_THROW(static_cast<void>(served.recv<std::string>()), EOFError);
}

TEST_P(ListenerTest, PollSeesWhatWasSentRightAfterTheAccept) {
  const Listener listener(fresh());
  const Connection client = Client(listener.address());
  const Connection served = listener.accept();

  served.send_bytes(std::string("hello"));

  EXPECT_TRUE(client.poll(10s));
  EXPECT_EQ(text(client.recv_bytes()), "hello");
}

TEST_P(ListenerTest, SecondListenerAtTheSameAddressIsRefused) {
  const Listener first(fresh());

  EXPECT_EQ(failure("bind: ", [&] { const Listener second(first.address()); }),
            system_code(EADDRINUSE));
}

TEST_P(ListenerTest, AddressIsFreeAgainAfterTheClose) {
  const Listener first(fresh());
  first.close();

  const Listener second(first.address());

  EXPECT_EQ(second.address(), first.address());
}

TEST_P(ListenerTest, AcceptAfterTheCloseSaysSo) {
  const Listener listener(fresh());
  listener.close();
  listener.close();

  EXPECT_EQ(
      failure("accept: the listener is closed", [&] { static_cast<void>(listener.accept()); }),
      system_code(EBADF));
}

TEST_P(ListenerTest, CloseEndsAnAcceptInAnotherThread) {
  const Listener listener(fresh(), {.authkey = "k"});
  std::thread waiting([&] {
    EXPECT_EQ(failure("accept", [&] { static_cast<void>(listener.accept()); }), system_code(EBADF));
  });
  const test::RawPeer client(listener.address());
  EXPECT_TRUE(client.read_frame().starts_with("#CHALLENGE#")) << "it is in accept by now";

  listener.close();
  waiting.join();

  EXPECT_TRUE(client.ended()) << "a client in the handshake is let go of";
}

TEST_P(ListenerTest, NobodyComesInTime) {
  const Listener listener(fresh());

  EXPECT_THROW(static_cast<void>(listener.accept(5ms)), TimeoutError);
  EXPECT_THROW(static_cast<void>(listener.accept(Timeout::zero())), TimeoutError);
}

TEST_P(ListenerTest, NobodyThereIsAnErrorThatNamesTheAddress) {
  const Listener listener(fresh());
  const Address address = listener.address();
  listener.close();
  const int expected = GetParam() == "AF_UNIX" ? ENOENT : ECONNREFUSED;

  EXPECT_EQ(failure("connect: " + connection::shown(address),
                    [&] { static_cast<void>(Client(address)); }),
            system_code(expected));
}

TEST_P(ListenerTest, LastAcceptedIsWhereTheClientCameFrom) {
  const Listener listener(fresh());
  EXPECT_FALSE(listener.last_accepted());
  const Connection client = Client(listener.address());
  const Connection served = listener.accept();

  const Address from = listener.last_accepted().value();
  if (GetParam() == "AF_UNIX" || GetParam() == "abstract") {
    EXPECT_TRUE(from.empty());
    return;
  }
  EXPECT_EQ(from, connection::public_address(sys::bound_address(client.fileno())));
}

TEST_P(ListenerTest, TwoThreadsAcceptTwoClients) {
  const Listener listener(fresh(), {.backlog = 5, .authkey = "k"});
  std::thread servers[2];
  for (std::thread& server : servers) {
    server = std::thread([&] {
      const Connection served = listener.accept();
      served.send(served.recv<int>() + 1);
    });
  }
  for (int i = 0; i < 2; ++i) {
    const Connection client = Client(listener.address(), {.authkey = "k"});
    client.send(i);
    EXPECT_EQ(client.recv<int>(), i + 1);
  }
  for (std::thread& server : servers) server.join();
}

INSTANTIATE_TEST_SUITE_P(Families, ListenerTest,
                         testing::Values("AF_UNIX", "abstract", "AF_INET", "AF_INET6"),
                         [](const auto& family) { return family.param; });

TEST(ListenerAddressTest, DefaultIsAPathOfOnesOwn) {
  const Listener listener;
  const std::filesystem::path path = listener.address().path();

  EXPECT_TRUE(path.filename().string().starts_with("listener-")) << path;
  EXPECT_TRUE(path.parent_path().filename().string().starts_with("pymp-")) << path;
  struct stat directory{};
  ASSERT_EQ(::stat(path.parent_path().c_str(), &directory), 0);
  EXPECT_EQ(directory.st_mode & 0777U, 0700U);
}

TEST(ListenerAddressTest, PortZeroBecomesARealOne) {
  const Listener listener({"localhost", 0});

  EXPECT_EQ(listener.address().host(), "127.0.0.1");
  EXPECT_GT(listener.address().port(), 0);
}

TEST(ListenerAddressTest, FamilyAloneIsEnough) {
  EXPECT_EQ(Listener({}, {.family = "AF_INET"}).address().family(), "AF_INET");
  EXPECT_EQ(Listener({}, {.family = "AF_UNIX"}).address().family(), "AF_UNIX");
}

TEST(ListenerAddressTest, FamilyMustBeKnownAndThatOfTheAddress) {
  EXPECT_THROW(Listener({"localhost", 0}, {.family = "AF_UNIX"}), ValueError);
  EXPECT_THROW(Listener({"localhost", 0}, {.family = "AF_PIPE"}), ValueError);
  EXPECT_THROW(Listener({}, {.family = "AF_PIPE"}), ValueError);
  EXPECT_THROW(static_cast<void>(Client("/tmp/x", {.family = "AF_INET"})), ValueError);
}

TEST(ListenerAddressTest, NameThatIsTooLongSaysHowLong) {
  const std::string name(200, 'x');

  EXPECT_EQ(failure("bind: the name of a local socket has 200 bytes, at most 107",
                    [&] { const Listener listener(name); }),
            system_code(ENAMETOOLONG));
  EXPECT_EQ(failure("connect: the name of a local socket has 200 bytes",
                    [&] { static_cast<void>(Client(name)); }),
            system_code(ENAMETOOLONG));
}

TEST(ListenerAddressTest, ClientNeedsAnAddress) {
  EXPECT_THROW(static_cast<void>(Client(Address())), ValueError);
}

TEST(ListenerAddressTest, PathIsThereWhileItListensOnly) {
  const Listener listener;
  const std::string path = listener.address().path();
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);

  listener.close();

  EXPECT_EQ(::access(path.c_str(), F_OK), -1);
}

TEST(ListenerAddressTest, LastCopyClosesIt) {
  std::string path;
  {
    std::optional<Listener> first(Listener{});
    const Listener second = *first;
    path = second.address().path();
    first.reset();
    EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  }
  EXPECT_EQ(::access(path.c_str(), F_OK), -1);
}

// A path that a killed listener left behind is not taken over: it may be somebody else's.
TEST(ListenerAddressTest, PathThatIsThereAlreadyIsInUse) {
  const Address address = arbitrary_address("AF_UNIX");
  {
    auto left_behind =
        sys::make_listening_socket(connection::kernel_address(address, "bind"), 1, "");
  }

  EXPECT_EQ(failure("bind: " + address.path(), [&] { const Listener listener(address); }),
            system_code(EADDRINUSE));
  ::unlink(address.path().c_str());
}

TEST(ListenerAddressTest, NoDescriptorLeftIsAnErrorOfAccept) {
  const Listener listener;
  const Connection client = Client(listener.address());
  const sys::ScopedCall full(&sys::Calls::accept4, [](int, sockaddr*, socklen_t*, int) {
    errno = EMFILE;
    return -1;
  });

  EXPECT_EQ(failure("accept4", [&] { static_cast<void>(listener.accept()); }), system_code(EMFILE));
}

TEST(ClientTest, ListenerThatNeverAcceptsIsGivenUpInTime) {
  const Listener listener({}, {.authkey = "k"});

  EXPECT_THROW(static_cast<void>(Client(listener.address(), {.authkey = "k", .timeout = 5ms})),
               TimeoutError);
}

TEST(ClientTest, FullBacklogIsGivenUpInTime) {
  const Listener listener({}, {.backlog = 0});
  const Connection first = Client(listener.address());

  EXPECT_THROW(static_cast<void>(Client(listener.address(), {.timeout = 5ms})), TimeoutError);
}

TEST(ClientTest, NetworkConnectThatIsInterruptedGoesOn) {
  static int (*real)(int, const sockaddr*, socklen_t) = nullptr;
  const Listener listener({"localhost", 0});
  const sys::ScopedCall interrupted(&sys::Calls::connect,
                                    [](int fd, const sockaddr* address, socklen_t length) {
                                      static_cast<void>(real(fd, address, length));
                                      errno = EINTR;
                                      return -1;
                                    });
  real = interrupted.original();

  const Connection client = Client(listener.address());
  client.send(1);

  EXPECT_EQ(listener.accept().recv<int>(), 1);
}

}  // namespace
}  // namespace multiprocessing
