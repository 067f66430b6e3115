#include "pool/seed.hpp"

#include <exception>
#include <optional>
#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/file_descriptor.hpp>

#include "pool/processors.hpp"
#include "pool/worker.hpp"
#include "process/local.hpp"
#include "process/newborn.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::pool {
namespace {

using detail::decode_value;
using detail::encode_value;

// Keeper and workers hold the pool's state and the owner's bell: who rings must not write into what
// has become somebody else's memory.
struct Held {
  detail::Handle object;
  detail::Handle owner_bell;
};

void encode_held(detail::Writer& out, const KeeperPlan& plan) {
  out.handle({plan.object.id()});
  out.handle({plan.owner_bell.id()});
}

detail::Handle decode_handle(detail::Reader& in, shm::ObjectKind kind) {
  return detail::Handle::from_id(in.handle().value, static_cast<std::uint32_t>(kind));
}

Held decode_held(detail::Reader& in) {
  detail::Handle object = decode_handle(in, shm::ObjectKind::pool);
  return {std::move(object), decode_handle(in, shm::ObjectKind::bell)};
}

// What is not in the pool's state.
void encode_options(detail::Writer& out, const PoolOptions& options) {
  encode_value(out, options.method);
  encode_value(out, options.worker);
  encode_value(out, options.initializer);
  encode_value(out, options.finalizer);
}

// False: it has failed, and the reason is kept as the pool's.
bool decode_options(detail::Reader& in, PoolOptions& options, PoolState& state) {
  try {
    options.method = decode_value<std::optional<StartMethod>>(in);
    options.worker = decode_value<ProcessOptions>(in);
    options.initializer = decode_value<Function<void()>>(in);
    options.finalizer = decode_value<Function<void()>>(in);
    return true;
  } catch (const std::exception&) {
    keep_failure(state);
    return false;
  }
}

int keeper_arrived(detail::Reader& in) {
  const Held held = decode_held(in);
  PoolState& state = state_of(held.object);
  const shm::Name owner = shm::unpack_name(in.plain<std::uint64_t>());
  const auto bell_read = decode_value<FileDescriptor>(in);
  const auto bell_write = decode_value<FileDescriptor>(in);
  PoolOptions options;
  if (!decode_options(in, options, state)) {
    (void)advance_phase(state, Phase::broken);
    return 0;
  }
  process::has_decoded();
  View view(state);
  const KeeperPlan plan{owner,
                        process::local().parent_sentinel.get(),
                        bell_read.fileno(),
                        bell_write.fileno(),
                        held.object,
                        held.owner_bell};
  return Keeper(view, options, plan).run();
}

int worker_arrived(detail::Reader& in) {
  const Held held = decode_held(in);
  PoolState& state = state_of(held.object);
  const auto seat = in.plain<SeatSeed>();
  const auto bell = decode_value<FileDescriptor>(in);
  PoolOptions options;
  if (!decode_options(in, options, state)) return 1;
  process::has_decoded();
  take_choice(seat.chosen);
  View view(state);
  Worker worker(view, seat.seat, seat.incarnation, bell.fileno());
  return worker.run(options);
}

}  // namespace

process::Work keeper_work(View& view, const PoolOptions& options, const KeeperPlan& plan) {
  return {.here = [&view, &options, plan] { return Keeper(view, options, plan).run(); },
          .there = keeper_arrived,
          .encode =
              [&options, plan](detail::Writer& out) {
                encode_held(out, plan);
                out.plain(shm::pack_name(plan.owner));
                encode_value(out, FileDescriptor(plan.bell_read));
                encode_value(out, FileDescriptor(plan.bell_write));
                encode_options(out, options);
              }};
}

process::Work worker_work(const SeatSeed& seat, const PoolOptions& options,
                          const KeeperPlan& plan) {
  return {.here = {}, .there = worker_arrived, .encode = [&, seat](detail::Writer& out) {
            encode_held(out, plan);
            out.plain(seat);
            encode_value(out, FileDescriptor(plan.bell_write));
            encode_options(out, options);
          }};
}

}  // namespace multiprocessing::pool
