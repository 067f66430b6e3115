// Messages with descriptors between two processes.

#include "sys/socket_pair.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "sys/calls.hpp"
#include "sys/errors.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing::sys {
namespace {

using test::expect_system_error;

TEST(SocketPairTest, DescriptorsOfAMessageArriveWithIt) {
  const SocketPair pair = make_socket_pair();
  const Pipe pipe = make_pipe();
  const std::array sent{pipe.read.get(), pipe.write.get()};
  const std::array<std::byte, 2> text{std::byte{1}, std::byte{2}};
  ASSERT_TRUE(send_message(pair.first.get(), text, sent));
  EXPECT_FALSE(all_was_received(pair.first.get()));

  std::array<std::byte, 2> got{};
  std::vector<UniqueFd> descriptors;
  EXPECT_EQ(receive_message(pair.second.get(), got, descriptors), Received::message);

  EXPECT_EQ(got, text);
  EXPECT_EQ(descriptors.size(), sent.size());
  EXPECT_TRUE(all_was_received(pair.first.get()));
}

TEST(SocketPairTest, MessageOfAnotherLengthIsRefused) {
  const SocketPair pair = make_socket_pair();
  const std::array<std::byte, 2> text{};
  ASSERT_TRUE(send_message(pair.first.get(), text, {}));

  std::array<std::byte, 1> got{};
  std::vector<UniqueFd> descriptors;
  expect_system_error(EBADMSG, "recvmsg",
                      [&] { receive_message(pair.second.get(), got, descriptors); });
}

TEST(SocketPairTest, FullDescriptorTableIsNamed) {
  const SocketPair pair = make_socket_pair();
  const Pipe pipe = make_pipe();
  const std::array sent{pipe.read.get(), pipe.write.get()};
  const std::array<std::byte, 1> text{};
  ASSERT_TRUE(send_message(pair.first.get(), text, sent));

  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{1, before.rlim_max};  // number 0 is taken
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::array<std::byte, 1> got{};
  std::vector<UniqueFd> descriptors;
  expect_system_error(EMFILE, "recvmsg: a descriptor that a message brought",
                      [&] { receive_message(pair.second.get(), got, descriptors); });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);

  EXPECT_TRUE(descriptors.empty());
}

}  // namespace
}  // namespace multiprocessing::sys
