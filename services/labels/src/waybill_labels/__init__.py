"""What is printed for a parcel: today packing slips."""
