#include "shm/ticket.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include <multiprocessing/errors.hpp>

#include "shm/arena.hpp"
#include "sys/random.hpp"
#include "sys/rights.hpp"
#include "sys/spawn.hpp"
#include "sys/surroundings.hpp"

namespace multiprocessing::shm {
namespace {

constexpr std::uint64_t kMagic = 0x31304B43544E5250;  // "PRNTCK01"

std::string hex(std::uint64_t number) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

[[noreturn]] void refuse(std::string_view why) {
  throw ValueError(std::string(kTicketVariable) +
                   " does not name a ticket that this process was started with: " +
                   std::string(why) + " (only the library sets this variable)");
}

template <class T>
bool parse(std::string_view& text, T& number, int base) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (result.ec != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return true;
}

struct Named {
  int fd = -1;
  Cookie cookie{};
};

Named parse_variable(std::string_view text) {
  Named named;
  if (!parse(text, named.fd, 10) || named.fd < 0 || text.size() != 33 || text.front() != ':') {
    refuse("it is not NUMBER:COOKIE");
  }
  std::string_view first = text.substr(1, 16);
  std::string_view second = text.substr(17);
  const bool read = parse(first, named.cookie[0], 16) && parse(second, named.cookie[1], 16);
  if (!read || !first.empty() || !second.empty()) refuse("it is not NUMBER:COOKIE");
  return named;
}

const Ticket* find() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): once, at first use
  const char* const text = std::getenv(kTicketVariable);
  if (text == nullptr) return nullptr;
  if (sys::has_more_rights_than_user()) {
    refuse("the program runs with more rights than its user (AT_SECURE), and believes none");
  }
  const std::string value(text);
  sys::forget_variable(kTicketVariable);
  const Named named = parse_variable(value);
  auto* const ticket = new Ticket(named.fd, named.cookie);  // for the life of the process
  sys::UniqueFd done(named.fd);
  sys::close_on_exec(ticket->head().arena_fd);
  sys::close_on_exec(ticket->head().life_fd);
  return ticket;
}

}  // namespace

Cookie make_cookie() {
  Cookie cookie{};
  sys::fill_with_random(std::as_writable_bytes(std::span(cookie)));
  return cookie;
}

TicketHead ticket_head(Name name, const Cookie& cookie, std::size_t size) noexcept {
  return {.magic = kMagic,
          .layout_id = layout_id(),
          .cookie = cookie,
          .slot = name.slot,
          .generation = name.generation,
          .arena_fd = -1,
          .life_fd = -1,
          .size = size};
}

std::string ticket_variable(int fd, const Cookie& cookie) {
  return std::string(kTicketVariable) + "=" + std::to_string(fd) + ":" + hex(cookie[0]) +
         hex(cookie[1]);
}

Ticket::Ticket(int fd, const Cookie& cookie) : file_(sys::SealedFile::open(fd)) {
  if (!file_ || file_.bytes().size() < sizeof(TicketHead) || head().magic != kMagic ||
      head().size != file_.bytes().size()) {
    refuse("descriptor " + std::to_string(fd) + " is not a sealed file of this user");
  }
  if (head().cookie != cookie) refuse("the cookie is another one");
  if (head().layout_id != layout_id()) {
    throw ValueError("this process was started by a program with other shared layouts: layout id " +
                     shown(head().layout_id) + " there, " + shown(layout_id()) + " here");
  }
}

const TicketHead& Ticket::head() const noexcept {
  return *reinterpret_cast<const TicketHead*>(file_.bytes().data());
}

Name Ticket::name() const noexcept {
  return {static_cast<std::uint32_t>(head().slot), head().generation};
}

const Ticket* inherited_ticket() {
  // What went wrong once goes wrong for good: such a process is no main process either.
  static const struct Found {
    Found() noexcept {
      try {
        ticket = find();
      } catch (...) {
        error = std::current_exception();
      }
    }
    const Ticket* ticket = nullptr;
    std::exception_ptr error;
  } found;
  if (found.error) std::rethrow_exception(found.error);
  return found.ticket;
}

}  // namespace multiprocessing::shm
