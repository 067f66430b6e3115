// Tickets that are none, or come from another program.

#include "shm/ticket.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/errors.hpp>

#include "process/birth_ticket.hpp"
#include "process/gate.hpp"
#include "shm/arena.hpp"
#include "support/child.hpp"
#include "sys/sealed_file.hpp"

namespace multiprocessing {
namespace {

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const ValueError& error) {
    return error.what();
  }
  return "accepted";
}

sys::UniqueFd sealed(const shm::TicketHead& head) {
  return sys::seal_bytes("test", std::as_bytes(std::span(&head, 1)));
}

TEST(TicketTest, SealedFileWithTheCookieIsBelieved) {
  const shm::Cookie cookie = shm::make_cookie();
  const auto file = sealed(shm::ticket_head({3, 7}, cookie, sizeof(shm::TicketHead)));

  const shm::Ticket ticket(file.get(), cookie);

  EXPECT_EQ(ticket.name(), (shm::Name{3, 7}));
}

TEST(TicketTest, AnotherCookieIsRefused) {
  const auto file = sealed(shm::ticket_head({3, 7}, shm::make_cookie(), sizeof(shm::TicketHead)));

  EXPECT_NE(refusal([&] { shm::Ticket(file.get(), shm::make_cookie()); }).find("the cookie"),
            std::string::npos);
}

TEST(TicketTest, FileThatIsNotSealedIsRefused) {
  const sys::UniqueFd file(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const shm::Cookie cookie = shm::make_cookie();
  const auto head = shm::ticket_head({3, 7}, cookie, sizeof(shm::TicketHead));
  ASSERT_EQ(::write(file.get(), &head, sizeof head), static_cast<ssize_t>(sizeof head));

  EXPECT_NE(refusal([&] { shm::Ticket(file.get(), cookie); }).find("is not a sealed file"),
            std::string::npos);
}

TEST(TicketTest, OtherLayoutsAreRefusedWithBothIds) {
  const shm::Cookie cookie = shm::make_cookie();
  auto head = shm::ticket_head({3, 7}, cookie, sizeof(shm::TicketHead));
  head.layout_id = 0xABCDEF;
  const auto file = sealed(head);

  const std::string why = refusal([&] { shm::Ticket(file.get(), cookie); });

  EXPECT_NE(why.find("layout id 0xabcdef there, "), std::string::npos) << why;
}

TEST(TicketTest, AnotherBuildIsRefusedWithBothNamed) {
  detail::Writer out;
  out.plain(shm::TicketHead{});
  out.plain(process::TicketKind::process);
  detail::encode_value(out, std::string("/bin/other (build-id 00ff)"));

  const std::string why = refusal([&] {
    detail::Reader in(out.view());
    (void)process::read_ticket(in);
  });

  EXPECT_NE(why.find("another build of the program: /bin/other (build-id 00ff) there, /"),
            std::string::npos)
      << why;
}

// Executes this test program anew with the variable set, and says what it wrote to stderr.
std::string told_by_program_with(const char* variable) {
  std::string entry(shm::kTicketVariable);
  entry.append("=").append(variable);
  return test::output_of(STDERR_FILENO, [&entry] {
    ::execle("/proc/self/exe", "test", "--gtest_list_tests", nullptr,
             std::array<const char*, 2>{entry.c_str(), nullptr}.data());
  });
}

TEST(TicketTest, VariableThatNamesNoTicketEndsTheProgramWithASentence) {
  for (const char* variable :
       {"nonsense", "", "-1:00000000000000010000000000000002", "0:00000000000000010000000000000002",
        "999:00000000000000010000000000000002", "3:0000000000000001000000000000000"}) {
    const std::string told = told_by_program_with(variable);
    EXPECT_NE(told.find("MULTIPROCESSING_TICKET does not name a ticket"), std::string::npos)
        << variable << ": " << told;
  }
}

}  // namespace
}  // namespace multiprocessing
