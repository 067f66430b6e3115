#include "manager/protocol.hpp"

#include <multiprocessing/errors.hpp>

#include "shm/arena.hpp"

namespace multiprocessing::manager {

void check_greeting(detail::Reader& in) {
  constexpr std::size_t kBegin = sizeof kMagic + sizeof kProtocol;
  if (in.remaining() < kBegin || in.plain<std::uint64_t>() != kMagic) {
    throw ProcessError("the other end is no manager or client of this library on such a machine");
  }
  const auto protocol = in.plain<std::uint32_t>();
  if (protocol == kProtocol) return;
  throw ProcessError("the other end speaks version " + std::to_string(protocol) +
                     " of the managers' protocol, this one version " + std::to_string(kProtocol));
}

std::string layouts_differ(std::uint64_t clients, std::uint64_t managers) {
  return "its shared layouts are others: layout id " + shm::shown(clients) + " of the client, " +
         shm::shown(managers) + " of the manager";
}

}  // namespace multiprocessing::manager
