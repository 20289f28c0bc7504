// An engine that meets graphs first: see met_engine.h.
#include "breakeven/engine/met_engine.h"

#include <utility>

namespace breakeven {
namespace {

class MetEngine final : public Engine {
   public:
    MetEngine(std::unique_ptr<Engine> engine, std::function<void(const ModelImage&, const Platform&)> meet)
        : engine_(std::move(engine)), meet_(std::move(meet)) {}

    std::string name() const override { return engine_->name(); }
    std::string version() const override { return engine_->version(); }
    std::vector<PlatformStatus> platforms() const override { return engine_->platforms(); }

    std::unique_ptr<Runner> load(const ModelImage& model, const Platform& platform,
                                 const LoadOptions& options) override {
        const bool is_here = !engine_->version().empty();  // else loading says why not
        if (!options.optimize && is_here) meet_(model, platform);
        return engine_->load(model, platform, options);
    }

   private:
    std::unique_ptr<Engine> engine_;
    std::function<void(const ModelImage&, const Platform&)> meet_;
};

}  // namespace

std::unique_ptr<Engine> make_met_engine(std::unique_ptr<Engine> engine,
                                        std::function<void(const ModelImage&, const Platform&)> meet) {
    return std::make_unique<MetEngine>(std::move(engine), std::move(meet));
}

}  // namespace breakeven
