// Waiting for connections, queues, processes and descriptors at once.

#include <multiprocessing/detail/wait_set.hpp>
#include <multiprocessing/detail/waitable.hpp>

#include <cerrno>

#include "connection/transport.hpp"
#include "sys/error.hpp"

namespace multiprocessing::detail {
namespace {

void add(WaitSet& set, const WaitEntry& entry) {
  if (entry.connection) {
    ByteConnection(entry.connection).add_to(set);
  } else if (entry.queue) {
    set.add(*entry.queue);
  } else {
    set.add(entry.fd);
  }
}

}  // namespace

std::vector<std::size_t> wait_for(std::span<const WaitEntry> entries, Timeout timeout) {
  const std::int64_t deadline = timeout.deadline();
  WaitSet set;
  for (const WaitEntry& entry : entries) add(set, entry);
  std::vector<std::size_t> ready = set.wait(deadline);
  if (!ready.empty()) return ready;
  // In vain, perhaps because nobody has looked yet whether those at the other ends live.
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].connection && entries[i].connection->poll(Timeout::zero())) ready.push_back(i);
  }
  return ready;
}

}  // namespace multiprocessing::detail
