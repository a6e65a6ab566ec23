#include "app/rooms.h"

#include <sys/stat.h>

#include <filesystem>

#include "store/rocksdb_store.h"

namespace pabal::app {

Result<std::unique_ptr<Rooms>> open_rooms(const Config& config) {
  std::error_code failure;
  std::filesystem::create_directories(config.store_dir(), failure);
  if (failure)
    return Error{Code::kIo, "cannot make the folder " + config.store_dir() + ": " + failure.message() +
                                "; check its owner and mode"};
  ::chmod(config.data_dir.c_str(), 0700);  // mail is private

  auto rooms = std::make_unique<Rooms>();
  rooms->hostname = config.hostname;
  rooms->config = config;
  store::RocksOptions options;
  options.path = config.store_dir();
  auto opened = store::open_rocksdb(options, rooms->clock);
  if (!opened) return opened.error();
  rooms->store = std::move(*opened);
  rooms->ids = std::make_unique<IdSource>(rooms->clock, rooms->random);
  rooms->directory = std::make_unique<identity::Directory>(*rooms->store, rooms->clock, rooms->random);
  rooms->mailboxes = std::make_unique<mailbox::Mailboxes>(*rooms->store, rooms->clock);
  rooms->queue = std::make_unique<queue::Queue>(*rooms->store);
  rooms->trace = std::make_unique<watch::Trace>(*rooms->store);
  rooms->scripts = std::make_unique<sieve::Scripts>(rooms->clock);
  rooms->outlets = std::make_unique<push::Outlets>(rooms->clock, rooms->random);
  return rooms;
}

Result<std::unique_ptr<dns::Resolver>> open_resolver(const Config& config) {
  dns::UnboundOptions options;
  options.forwarder = config.dns_forwarder;
  auto unbound = dns::make_unbound(options);
  if (!unbound) return unbound;
  if (config.zones.empty()) return unbound;
  auto zones = std::make_unique<dns::ZoneResolver>(std::shared_ptr<dns::Resolver>(std::move(*unbound)));
  for (const ZoneConfig& zone : config.zones)
    if (const auto loaded = zones->load(zone.origin, zone.text); !loaded)
      return Error{loaded.code(), config.file + ": " + loaded.error().message};
  return std::unique_ptr<dns::Resolver>(std::move(zones));
}

}  // namespace pabal::app
