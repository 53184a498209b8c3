module;
#include <span>
export module repal.motif;

import repal.random;
export import repal.trajectories;

/// Operations on motifs: simulated trajectories from which the attractor study composes systems.
/// Source: RepAL (arXiv 2410.24070). All motifs of one operation must have the same shape, else InvalidTrajectories.
namespace repal {

/// Each trial scaled to [0, 1] by its own minimum and maximum over time and channels together (isotropic).
/// Throws InvalidTrajectories if a trial is constant.
export Trajectories normalised(const Trajectories& motif);

/// Motifs one after the other, each translated to the end of the one before, then every m-th step of the m motifs
/// (so that the number of steps stays) and normalised. Trial k is made of trial k of every motif.
export Trajectories attach(std::span<const Trajectories> motifs);

/// base + mixing * (added - start of added), point by point; not normalised.
export Trajectories combine(const Trajectories& base, const Trajectories& added, double mixing);

/// Every trial backwards in time.
export Trajectories reversed(const Trajectories& motif);

/// sqrt(1 - sigma^2) x + sigma N(0, 1) at every trial, step and channel; 0 <= sigma <= 1.
/// Trial k draws from stream.child(k).
export Trajectories with_noise(const Trajectories& motif, double sigma, const Stream& stream);

}  // namespace repal
