"""What every service of Waybill shares. It knows no word of the business."""
