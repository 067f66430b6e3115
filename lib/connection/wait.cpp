// Waiting for connections, queues, processes and descriptors at once.

#include <multiprocessing/detail/wait_set.hpp>
#include <multiprocessing/detail/waitable.hpp>

#include <algorithm>
#include <memory>

#include "connection/future_bell.hpp"
#include "connection/transport.hpp"
#include "sys/error.hpp"

namespace multiprocessing::detail {
namespace {

using Bells = std::vector<std::shared_ptr<connection::FutureBell>>;

void add(WaitSet& set, const WaitEntry& entry, Bells& bells) {
  if (entry.future) {
    bells.push_back(connection::bell_of(*entry.future));
    set.add(bells.back()->fd());
  } else if (entry.connection) {
    ByteConnection(entry.connection).add_to(set);
  } else if (entry.queue) {
    set.add(*entry.queue);
  } else {
    set.add(entry.fd);
  }
}

bool is_done(const WaitEntry& entry) {
  return entry.future && entry.future->done();
}

// Those whose bells have not been rung yet, too.
void add_done(std::span<const WaitEntry> entries, std::vector<std::size_t>& ready) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!is_done(entries[i])) continue;
    const auto at = std::ranges::lower_bound(ready, i);
    if (at == ready.end() || *at != i) ready.insert(at, i);
  }
}

}  // namespace

std::vector<std::size_t> wait_for(std::span<const WaitEntry> entries, Timeout timeout) {
  const std::int64_t deadline = timeout.deadline();
  Bells bells;
  WaitSet set;
  std::vector<std::size_t> waited_for;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (is_done(entries[i])) continue;
    add(set, entries[i], bells);
    waited_for.push_back(i);
  }
  const bool some_done = waited_for.size() < entries.size();
  std::vector<std::size_t> ready = set.wait(some_done ? 0 : deadline);
  for (std::size_t& each : ready) each = waited_for[each];
  add_done(entries, ready);
  if (!ready.empty()) return ready;
  // In vain, perhaps because nobody has looked yet whether those at the other ends live.
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].connection && entries[i].connection->poll(Timeout::zero())) ready.push_back(i);
  }
  return ready;
}

}  // namespace multiprocessing::detail
