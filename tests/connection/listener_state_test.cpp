// Clients in the handshake go from call to call of accept, and none of those that sleep is passed
// over.

#include "connection/listener_state.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include "connection/raw_peer.hpp"
#include "support/child.hpp"
#include "sys/socket.hpp"

namespace multiprocessing::connection {
namespace {

bool is_rung(const sys::UniqueFd& bell) {
  pollfd watched{.fd = bell.get(), .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, 0) == 1;
}

class ListenerStateTest : public testing::Test {
 protected:
  [[nodiscard]] Visitors one_visitor() const {
    Visitors visitors;
    const test::RawPeer peer(state_.address());
    sys::SocketAddress from;
    sys::UniqueFd socket = sys::accept_socket(state_.socket()->get(), from);
    visitors.push_back({Greeting(std::move(socket), Greeting::Role::listener, {.key = "secret"}),
                        public_address(from), 0});
    return visitors;
  }

  ListenerState state_{test::abstract_name("listener_state_test"), {.authkey = "secret"}};
  const sys::UniqueFd first_ = sys::make_bell();
  const sys::UniqueFd second_ = sys::make_bell();
};

TEST_F(ListenerStateTest, CallThatEndsAsItIsRungPassesTheRingOn) {
  state_.enter(first_.get());
  state_.enter(second_.get());
  state_.leave_visitors(one_visitor());
  EXPECT_TRUE(is_rung(first_));
  EXPECT_FALSE(is_rung(second_));

  state_.leave(first_.get());  // with a client of its own, say

  EXPECT_TRUE(is_rung(second_)) << "who has begun a handshake would wait for the next client";
  EXPECT_EQ(state_.take_visitors().size(), 1U);
  state_.leave(second_.get());
}

TEST_F(ListenerStateTest, CallThatEndsWithoutAnybodyWaitingRingsNobody) {
  state_.enter(first_.get());
  state_.enter(second_.get());

  state_.leave(first_.get());

  EXPECT_FALSE(is_rung(second_));
  state_.leave(second_.get());
}

TEST_F(ListenerStateTest, ForkedChildRingsNoneOfItsParentsCalls) {
  state_.enter(first_.get());
  auto child = test::Child::run([&] {
    state_.enter(second_.get());
    state_.leave_visitors(one_visitor());
    test::require(is_rung(second_));
  });

  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_FALSE(is_rung(first_));
  state_.leave(first_.get());
}

}  // namespace
}  // namespace multiprocessing::connection
