"""Weight standardisation: the filters of a convolution brought to mean 0 and deviation 1.

Qiao et al. 2019, "Micro-batch training with batch-channel normalization and weight standardization"; with a
trained gain, Brock et al. 2021, "Characterizing signal propagation", section 4: in the mean a filter then
keeps the variance of what arrives, times gamma^2.
"""

from __future__ import annotations

from cnnspec.layers.base import Argument, Layer, Misfit, Weight

STANDARDIZED = {
    "standardize": Argument(
        "flag", False, doc="each filter less its mean, divided by its deviation, before it is used"
    ),
    "gain": Argument("flag", False, doc="standardised filters times a trained gain * gamma/sqrt(fan-in)"),
    "gamma": Argument("float", 1.0, doc="of the gain: what makes up for the activation, 1.7139 for relu"),
    "eps": Argument("float", 1e-6, low=0, doc="added to the variance of standardised filters"),
}


class Standardized(Layer):
    """A convolution whose filters may be standardised. The gain: filters x 1 x 1 x 1."""

    standardize: bool
    gain: bool
    gamma: float
    eps: float

    def check_standardized(self) -> None:
        """Hold arguments to what they are for. Raises Misfit."""
        for name in ("gain", "gamma", "eps"):
            needs = "gain" if name == "gamma" else "standardize"
            if self.value(name) != self.arguments[name].default and not self.value(needs):
                raise Misfit("E0304", f"`{name}` is for `{needs}=yes`", name)

    def check_deviation(self, kernel: tuple[int, ...]) -> None:
        """Raises Misfit where the filters of a weight of this shape have no deviation."""
        if self.standardize and kernel[1:] == (1, 1, 1):
            message = f"`{self.name}` has filters of one weight, which has no deviation"
            raise Misfit("E0413", message, "standardize")

    def gains(self, filters: int, trained: bool) -> tuple[Weight, ...]:
        return (Weight("gain", (filters, 1, 1, 1), trained),) if self.gain else ()
