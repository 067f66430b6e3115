// Connections with a live CPython, in both directions and over every family.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "connection/python.hpp"

namespace multiprocessing {
namespace {

using test::Python;

constexpr int kAuthenticationError = 10;

const ListenerOptions kListen{.authkey = "secret", .allow_md5 = true};
const ClientOptions kCall{.authkey = "secret", .allow_md5 = true};

std::vector<std::byte> payload(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i % 251 * 31 % 251);
  return bytes;
}

constexpr std::size_t kMiB = std::size_t{1} << 20U;
const std::vector<std::size_t> kSizes{0,     1,     3,     4,    255,       16384,
                                      16385, 65536, 65537, kMiB, 64 * kMiB, 0};

std::string printed(const Address& address) {
  std::ostringstream text;
  text << address;
  return text.str();
}

// For Python to read.
std::string literal(const Address& address) {
  const bool path = !address.path().empty() && !address.path().starts_with('\0');
  return path ? "'" + printed(address) + "'" : printed(address);
}

Address abstract_name() {
  return std::string(1, '\0') + "python_test." + std::to_string(::getpid());
}

int port_in(const std::string& tuple) {
  return std::stoi(tuple.substr(tuple.find(", ") + 2));
}

void echo_until_the_end(const Connection& connection) {
  try {
    for (;;) connection.send_bytes(connection.recv_bytes());
  } catch (const EOFError&) {
  }
}

void send_all_sizes(const Connection& connection) {
  for (const std::size_t size : kSizes) {
    const auto sent = payload(size);
    connection.send_bytes(sent);
    EXPECT_TRUE(connection.recv_bytes() == sent) << size;
  }
}

class PythonTest : public testing::TestWithParam<std::string> {
 protected:
  // Where a listener of ours is to be.
  static Address ours() {
    return GetParam() == "abstract" ? abstract_name() : arbitrary_address(GetParam());
  }
  // Where one in Python is, by the line that it has printed.
  static Address bound(const std::string& line) {
    if (GetParam() == "abstract") return abstract_name();
    if (GetParam() == "AF_UNIX") return line.substr(1, line.size() - 2);
    return {"localhost", static_cast<std::uint16_t>(port_in(line))};
  }
};

TEST_P(PythonTest, PythonClientCallsOurListener) {
  const Listener listener(ours(), kListen);
  Python python({"call", literal(listener.address()), "secret"});

  echo_until_the_end(listener.accept());

  EXPECT_EQ(python.wait(), 0);
}

TEST_P(PythonTest, OurClientCallsAPythonListener) {
  Python python({"serve", literal(ours()), "secret"});
  const Connection connection = Client(bound(python.line()), kCall);

  send_all_sizes(connection);
  connection.close();

  EXPECT_EQ(python.wait(), 0);
}

TEST_P(PythonTest, NoKeyNoHandshake) {
  const Listener listener(ours());
  Python python({"call", literal(listener.address())});

  echo_until_the_end(listener.accept());

  EXPECT_EQ(python.wait(), 0);
}

TEST_P(PythonTest, PythonClientWithAnotherKeyIsToldSoAndTheListenerGoesOn) {
  const Listener listener(ours(), kListen);
  Python stranger({"call", literal(listener.address()), "guess"});
  EXPECT_THROW(static_cast<void>(listener.accept()), AuthenticationError);
  EXPECT_EQ(stranger.wait(), kAuthenticationError);

  Python friendly({"call", literal(listener.address()), "secret"});
  echo_until_the_end(listener.accept());

  EXPECT_EQ(friendly.wait(), 0);
}

TEST_P(PythonTest, PythonListenerWithAnotherKeyIsToldSo) {
  Python python({"serve", literal(ours()), "other"});

  EXPECT_THROW(static_cast<void>(Client(bound(python.line()), kCall)), AuthenticationError);

  EXPECT_EQ(python.wait(), kAuthenticationError);
}

INSTANTIATE_TEST_SUITE_P(Families, PythonTest, testing::Values("AF_UNIX", "abstract", "AF_INET"),
                         [](const auto& family) { return family.param; });

// The one of Debian 12 can do nothing else.
TEST(PythonHandshakeTest, PythonUpTo311NeedsAllowMd5) {
  const Listener listener({}, {.authkey = "secret"});
  Python python({"call", literal(listener.address()), "secret"});
  try {
    echo_until_the_end(listener.accept());
    EXPECT_EQ(python.wait(), 0) << "CPython 3.12 and later";
  } catch (const AuthenticationError& error) {
    EXPECT_NE(std::string(error.what()).find(".allow_md5 = true"), std::string::npos);
    EXPECT_EQ(python.wait(), kAuthenticationError) << "CPython up to 3.11";
  }
}

}  // namespace
}  // namespace multiprocessing
